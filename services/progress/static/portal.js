// Keeps the figures of an open plan up to date: often just after a lead was registered, else rarely.

const figures = document.querySelector("[data-figures]");
const SOON_MS = 300;
const SOON_TIMES = 20;
const RARELY_MS = 15_000;

async function refresh() {
  const answer = await fetch(figures.dataset.figures, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) return;
  const text = await answer.text();
  const fresh = new DOMParser().parseFromString(`<div>${text}</div>`, "text/html").body.firstChild;
  if (figures.textContent.trim() !== fresh.textContent.trim()) {
    figures.replaceChildren(...fresh.childNodes);
  }
}

/** Sends the form where scripts run, so that the page stays while the goal moves. */
async function register(form) {
  const answer = await fetch(form.action, {
    method: "POST",
    body: new URLSearchParams(new FormData(form)),
    credentials: "same-origin",
  });
  const told = new DOMParser().parseFromString(await answer.text(), "text/html");
  const card = document.querySelector("#register");
  card.replaceChildren(...told.querySelector("#register").childNodes);
  const toast = told.querySelector(".toast");
  if (toast) document.body.append(toast);
  card.querySelector("[data-summary]")?.focus();
  return answer.ok;
}

if (figures) {
  let soon = location.hash === "#lead-registered" ? SOON_TIMES : 0;
  let timer;
  const next = () => {
    clearTimeout(timer);
    timer = setTimeout(tick, soon > 0 ? SOON_MS : RARELY_MS);
  };
  const tick = async () => {
    soon -= 1;
    if (!document.hidden) await refresh().catch(() => {});
    next();
  };
  document.addEventListener("submit", async (event) => {
    if (!event.target.closest("#register")) return;
    event.preventDefault();
    if (await register(event.target)) {
      soon = SOON_TIMES;
      next();
    }
  });
  next();
}
