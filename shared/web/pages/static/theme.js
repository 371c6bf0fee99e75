// Light, dark or as the system: at once, and remembered for the server's next page.

const YEAR_S = 365 * 24 * 3600;
const root = document.documentElement;

for (const menu of document.querySelectorAll("[data-theme-menu]")) {
  menu.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    choose(event.submitter.value);
    const icon = event.submitter.querySelector("use").getAttribute("href");
    menu.querySelector("summary use").setAttribute("href", icon);
    for (const button of menu.querySelectorAll("button")) button.ariaPressed = String(button === event.submitter);
    event.submitter.ariaBusy = "false";
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

function choose(theme) {
  const kept = theme === "light" || theme === "dark";
  if (kept) root.dataset.theme = theme;
  else delete root.dataset.theme;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `milepost_theme=${kept ? theme : ""}; Path=/; SameSite=Lax; Max-Age=${kept ? YEAR_S : 0}${secure}`;
}
