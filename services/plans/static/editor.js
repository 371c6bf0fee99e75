// The strategy editor where scripts run: drops and buttons change the form in place, and the end follows the start.

const editor = document.getElementById("editor");
const KIND = "text/x-goal";

/** Sends the form with what to do, and takes over the answer's goals without leaving the page. */
async function rearrange(what) {
  const data = new FormData(editor);
  data.set("do", what);
  const answer = await fetch(editor.getAttribute("action"), {
    method: "POST",
    body: new URLSearchParams(data),
    headers: { Accept: "text/html" },
    credentials: "same-origin",
  });
  const told = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = told.querySelector(".arrange");
  if (!answer.ok || !fresh) return location.reload();
  const before = new Set([...editor.querySelectorAll(".arrange [id]")].map((one) => one.id));
  editor.querySelector(".arrange").replaceWith(fresh);
  const added = [...fresh.querySelectorAll(".group input[id]")].filter((one) => !before.has(one.id));
  const asked = added.find((one) => one.required && !one.value) ?? (what.startsWith("add") || what === "group-add" ? added[0] : null);
  const again = fresh.querySelector(`button[value="${CSS.escape(followed(what))}"]`);
  (asked ?? again ?? fresh.querySelector("button")).focus({ preventScroll: !asked });
}

/** Where the button that was pressed stands after its goal or group has moved. */
function followed(what) {
  const [verb, ...places] = what.split("|");
  const step = verb.endsWith("up") ? -1 : verb.endsWith("down") ? 1 : 0;
  if (step) places[places.length - 1] = Math.max(0, Number(places.at(-1)) + step);
  return [verb, ...places].join("|");
}

editor?.addEventListener("submit", (event) => {
  const what = event.submitter?.value;
  if (!what || what === "save" || event.submitter.name !== "do") return;
  event.preventDefault();
  event.stopImmediatePropagation();
  rearrange(what);
}, true);

editor?.addEventListener("dragstart", (event) => {
  const item = event.target.closest?.("[data-type], [data-goal]");
  if (!item) return;
  event.dataTransfer.setData(KIND, item.dataset.type ? `add|${item.dataset.type}` : `move|${item.dataset.goal}`);
  event.dataTransfer.effectAllowed = "copyMove";
});

const place = (event) => event.dataTransfer?.types.includes(KIND) && event.target.closest?.("[data-goal], [data-group]");
const unmark = () => document.querySelectorAll(".over").forEach((one) => one.classList.remove("over"));

editor?.addEventListener("dragover", (event) => {
  const over = place(event);
  unmark();
  if (!over) return;
  event.preventDefault();
  over.classList.add("over");
});
editor?.addEventListener("dragend", unmark);
editor?.addEventListener("drop", (event) => {
  const over = place(event);
  unmark();
  if (!over) return;
  event.preventDefault();
  const into = over.dataset.goal ? `|${over.dataset.goal}` : `|${over.dataset.group}`;
  rearrange(event.dataTransfer.getData(KIND) + into);
});

const start = document.querySelector("[data-start]");
start?.addEventListener("input", () => {
  const end = document.querySelector("[data-end]");
  const [year, month, day] = start.value.split("-").map(Number);
  if (!day) return (end.textContent = "–");
  const last = new Date(Date.UTC(year + 1, month - 1, month === 2 && day === 29 ? 28 : day) - 86_400_000);
  end.textContent = last.toLocaleDateString(navigator.language, {
    timeZone: "UTC", day: "numeric", month: "short", year: "numeric",
  });
});
