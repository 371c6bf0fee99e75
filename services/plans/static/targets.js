// Targets that split and add up as they are typed, by the rules that the server keeps.

const QUARTERS = ["q1", "q2", "q3", "q4"];

/** A typed figure in steps of its unit (whole numbers or hundredths); null for what is no such figure. */
function steps(text, sign, places) {
  const plain = text.trim().replace(/[\s’']/g, "").replaceAll(sign === "," ? "." : ",", "").replace(sign, ".");
  const found = /^(\d{1,15})(?:\.(\d*))?$/.exec(plain);
  if (!found || (found[2] ?? "").replace(/0+$/, "").length > places) return null;
  return BigInt(found[1] + (found[2] ?? "").padEnd(places, "0").slice(0, places));
}

function written(value, sign, places) {
  const digits = String(value).padStart(places + 1, "0");
  return places ? digits.slice(0, -places) + sign + digits.slice(-places) : digits;
}

/** Equal quarters; the earlier ones get what is over. */
const split = (total) => QUARTERS.map((_, at) => total / 4n + (BigInt(at) < total % 4n ? 1n : 0n));

document.addEventListener("input", (event) => {
  const row = event.target.closest("[data-target]");
  const figure = event.target.dataset.figure;
  if (!row || !figure) return;
  const sign = row.dataset.sign;
  const places = row.dataset.unit === "count" ? 0 : 2;
  const field = (name) => row.querySelector(`[data-figure="${name}"]`);
  if (figure === "annual") {
    const total = steps(event.target.value, sign, places);
    if (total === null && event.target.value.trim()) return;
    const shares = total === null ? [] : split(total);
    QUARTERS.forEach((name, at) => (field(name).value = total === null ? "" : written(shares[at], sign, places)));
    return;
  }
  const typed = QUARTERS.map((name) => field(name).value.trim());
  const found = typed.map((text) => (text ? steps(text, sign, places) : 0n));
  if (found.includes(null)) return;
  const total = found.reduce((sum, value) => sum + value, 0n);
  field("annual").value = typed.some(Boolean) ? written(total, sign, places) : "";
});
