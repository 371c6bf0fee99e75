// How many people the filters match, as they are typed: a number, or that there are too few to say.
import { send } from "./send.js";

const PAUSE_MS = 300;
const box = document.querySelector("[data-count]");
const told = box?.querySelector("[data-counted]");
let timer;
let asked = 0;

function filters() {
  const rows = [...box.querySelectorAll("fieldset")].map((row) => {
    const part = (name) => row.querySelector(`[data-part="${name}"]`).value.trim();
    const values = part("values").split(";").map((one) => one.trim()).filter(Boolean);
    return { attribute: part("attribute"), operator: part("operator"), values };
  });
  return rows.filter((row) => row.attribute && row.values.length);
}

async function count() {
  const chosen = filters();
  const mine = ++asked;
  if (!chosen.length) return void (told.textContent = "");
  try {
    const answer = await send("POST", box.dataset.count, { filters: chosen });
    if (mine !== asked) return;
    told.textContent = answer.count === null
      ? `Fewer than ${answer.minimum_group_size} people match.`
      : `${answer.count.toLocaleString(document.documentElement.lang)} people match.`;
  } catch (problem) {
    if (mine === asked) told.textContent = problem.errors?.[0]?.detail ?? problem.message;
  }
}

const later = () => {
  clearTimeout(timer);
  timer = setTimeout(count, PAUSE_MS);
};
box?.addEventListener("input", later);
box?.addEventListener("change", later);
if (box) later();
