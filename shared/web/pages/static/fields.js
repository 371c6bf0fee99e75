// Forms: go to what is wrong, send filters as they change, keep what was typed, and never send twice.

const TYPING_MS = 350;

// Where a browser keeps nothing for a page inside a foreign one, the caret is not remembered.
const remember = (name) => { try { sessionStorage.setItem("search", name); } catch { /* no matter */ } };
const recall = () => {
  try {
    const name = sessionStorage.getItem("search");
    sessionStorage.removeItem("search");
    return name;
  } catch { return null; }
};

document.querySelector("[data-summary]")?.focus();

for (const form of document.querySelectorAll("form[data-filters]")) {
  let timer;
  const send = () => form.requestSubmit();
  form.addEventListener("change", (event) => event.target.type !== "search" && send());
  form.addEventListener("input", (event) => {
    if (event.target.type !== "search") return;
    clearTimeout(timer);
    timer = setTimeout(send, TYPING_MS);
  });
  form.addEventListener("submit", () => {
    for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
    const typing = document.activeElement;
    if (typing?.type === "search") remember(typing.name);
  });
}

// The list comes back with every letter: the caret stays where it was.
const searching = recall();
const field = searching && document.querySelector(`form[data-filters] [name="${CSS.escape(searching)}"]`);
if (field) {
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}

for (const form of document.querySelectorAll('form[method="post"]')) {
  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button || event.defaultPrevented) return;
    if (button.ariaBusy === "true") event.preventDefault();
    button.ariaBusy = "true";
  });
}
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll('button[aria-busy="true"]')) button.ariaBusy = "false";
});

for (const form of document.querySelectorAll("form[data-guard]")) {
  let touched = Boolean(form.querySelector('[aria-invalid="true"]'));
  form.addEventListener("input", () => (touched = true));
  form.addEventListener("submit", () => (touched = false));
  addEventListener("beforeunload", (event) => touched && event.preventDefault());
}

for (const place of document.querySelectorAll("[data-drop]")) {
  const input = place.querySelector("input");
  const over = (event) => {
    event.preventDefault();
    place.classList.add("over");
  };
  place.addEventListener("dragover", over);
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
