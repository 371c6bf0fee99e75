// Menus that close, dialogs that open, and messages that come and go.

const TOLD_FOR_MS = 6000;

/** Opens a dialog by its id. */
export function open(id) {
  const dialog = document.getElementById(id);
  if (dialog && !dialog.open) dialog.showModal();
  return dialog;
}

/** Tells something at the edge of the page; kind: success, info, warning, error. */
export function tell(text, kind = "success") {
  const toast = document.createElement("div");
  toast.className = `toast ${kind}`;
  const words = document.createElement("p");
  words.textContent = text;
  toast.append(words);
  document.getElementById("toasts").append(toast);
  fade(toast);
}

function fade(toast) {
  if (toast.classList.contains("error")) return;
  let timer = setTimeout(() => toast.remove(), TOLD_FOR_MS);
  const hold = () => clearTimeout(timer);
  const go = () => (timer = setTimeout(() => toast.remove(), TOLD_FOR_MS));
  for (const [event, act] of [["pointerenter", hold], ["focusin", hold], ["pointerleave", go], ["focusout", go]])
    toast.addEventListener(event, act);
}

document.querySelectorAll(".toast").forEach(fade);

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
}

document.addEventListener("click", (event) => {
  closeMenus(event.target.closest("details.menu"));
  const opener = event.target.closest("[data-dialog]");
  if (opener && open(opener.dataset.dialog)) {
    event.preventDefault();
    closeMenus();
  }
  const dialog = event.target.closest("dialog");
  if (dialog && (event.target.closest("[data-close]") || event.target === dialog)) dialog.close();
  event.target.closest("[data-dismiss]")?.closest(".toast").remove();
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu[open]");
  if (event.key === "Escape" && menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  // A link that stands for a button answers to the space bar as a button does.
  if (event.key === " " && event.target.matches?.('a[role="button"]')) {
    event.preventDefault();
    event.target.click();
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (menu && step) {
    event.preventDefault();
    const items = [...menu.querySelectorAll("li a, li button")];
    const at = items.indexOf(document.activeElement);
    items.at((at + step + (at < 0 && step < 0 ? 1 : 0)) % items.length).focus();
  }
});
