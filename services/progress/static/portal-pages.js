// Writing a page of the portal: dynamic content at the caret, and the preview below the form.

const form = document.getElementById("page");
let area = form.querySelector("textarea");

form.addEventListener("focusin", (event) => {
  if (event.target.matches("textarea")) area = event.target;
});

for (const button of form.querySelectorAll("[data-insert]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const before = area.value.slice(0, area.selectionStart);
    const gap = before === "" || before.endsWith("\n\n") ? "" : before.endsWith("\n") ? "\n" : "\n\n";
    area.setRangeText(`${gap}${button.dataset.insert}\n\n`, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
    area.focus();
  });
}

form.querySelector("[data-preview]").addEventListener("click", async (event) => {
  event.preventDefault();
  const answer = await fetch(event.currentTarget.formAction, {
    method: "POST",
    body: new URLSearchParams(new FormData(form)),
    credentials: "same-origin",
    headers: { Accept: "text/html" },
  });
  const told = new DOMParser().parseFromString(await answer.text(), "text/html");
  const shown = told.getElementById("shown") ?? told.querySelector("[data-summary]");
  const place = document.getElementById("preview");
  place.hidden = false;
  place.replaceChildren(...(shown ? [document.adoptNode(shown)] : ["The preview is not available now."]));
  // The page has a heading of its own already.
  for (const heading of place.querySelectorAll("h1")) {
    const smaller = document.createElement("h2");
    smaller.append(...heading.childNodes);
    heading.replaceWith(smaller);
  }
  place.focus();
  place.scrollIntoView({ block: "nearest" });
});
