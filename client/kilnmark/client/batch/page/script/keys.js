/* Keys: one for each verb, the arrows from picture to picture, and nothing under somebody who types. */
function beside(card, key) {
  const all = shown(), at = all.indexOf(card);
  if (key === "Home") return all[0];
  if (key === "End") return all.at(-1);
  if (key === "ArrowRight") return all[at + 1];
  if (key === "ArrowLeft") return all[at - 1];
  const box = (one) => link(one).getBoundingClientRect();
  const from = box(card), middle = from.left + from.width / 2, down = key === "ArrowDown";
  const way = down ? all.slice(at + 1) : all.slice(0, at).reverse();
  let row = null, best = null, least = Infinity;
  for (const other of way) {
    const there = box(other);
    if (Math.abs(there.top - from.top) < 8) continue;
    if (row !== null && Math.abs(there.top - row) > 8) break;
    row = there.top;
    const far = Math.abs(there.left + there.width / 2 - middle);
    if (far < least) { least = far; best = other; }
  }
  return best;
}
function walk(event) {
  const card = focused();
  const next = card ? beside(card, event.key) : event.key === "ArrowRight" ? shown()[0] : null;
  if (!next) return;
  event.preventDefault();
  link(next).focus();
}
const isArrow = (key) => /^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(key);
const plain = { "?": () => help.open ? help.close() : help.showModal(), t: turn, u: () => act("undo") };
const VERB_KEYS = { a: "accept", x: "reject", r: "roll", p: "pin", c: "compare" };
const modal = () => ["help", "seeds", "why", "again", "export"].some((id) => $(id)?.open);
document.addEventListener("keydown", (event) => {
  const field = event.target.matches("input, select, textarea");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && event.target.id === "text" && !viewer.open) {
    event.preventDefault();
    if (event.target.value) { event.target.value = ""; filter(); remember(); } else event.target.blur();
  } else if (field && event.target.type !== "radio" && event.target.type !== "range") return;
  else if (plain[event.key]) { event.preventDefault(); plain[event.key](); }
  else if (modal()) return;
  else if (VERB_KEYS[event.key]) { event.preventDefault(); act(VERB_KEYS[event.key], chosen()); }
  else if (viewer.open) {
    if (event.key === "b") flip();
    else if (!field && event.key === "ArrowRight") step(1);
    else if (!field && event.key === "ArrowLeft") step(-1);
  } else if (event.key === "/") { event.preventDefault(); $("text").focus(); $("text").select(); }
  else if (event.key === "z") nextSize();
  else if (event.key === "e" && $("take")) { event.preventDefault(); openExport(); }
  else if (!field && isArrow(event.key)) walk(event);
});
$("ask").addEventListener("click", () => help.showModal());
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => { if (dialog.contains($("toast"))) ([...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body).append($("toast")); });
}
