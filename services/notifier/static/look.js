// The form of the look: a colour can be picked as well as typed.

for (const place of document.querySelectorAll("[data-colour]")) {
  const typed = place.querySelector("input");
  const picked = document.createElement("input");
  picked.type = "color";
  picked.setAttribute("aria-label", `Pick: ${place.querySelector("label").firstChild.textContent.trim()}`);
  const follow = () => {
    picked.value = /^#[0-9a-f]{6}$/i.test(typed.value) ? typed.value : place.dataset.colour;
  };
  picked.addEventListener("input", () => {
    typed.value = picked.value;
    typed.dispatchEvent(new Event("input", { bubbles: true }));
  });
  typed.addEventListener("change", follow);
  follow();
  const row = document.createElement("div");
  row.className = "picking";
  typed.replaceWith(row);
  row.append(typed, picked);
}
