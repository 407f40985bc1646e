/* One picture large, beside what it was made with, and beside the same without adapters. */
let current = null;
const bare = (card) => link(card).dataset.bare;
let mode = "slide";
function wipe(share) {
  $("wipe").value = share;
  stage.style.setProperty("--wipe", `${share}%`);
  $("tag-with").hidden = mode === "slide" && share <= 0;
  $("tag-without").hidden = mode === "slide" && share >= 100;
}
/* Two pictures side by side lie above each other where that makes them larger. */
let ratio = 1;
function lay() {
  const { clientWidth: width, clientHeight: height } = stage;
  const across = Math.min(width / 2 / ratio, height), down = Math.min(width / ratio, height / 2);
  stage.dataset.lay = down > across ? "down" : "across";
}
new ResizeObserver(lay).observe(stage);
function paint() {
  const image = link(current).querySelector("img");
  stage.dataset.mode = !image ? "none" : bare(current) ? mode : "one";
  $("modes").hidden = !image || !bare(current);
  for (const button of $("modes").querySelectorAll("[data-mode]"))
    button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  $("flip").hidden = mode !== "slide";
  $("with").hidden = $("without").hidden = true;
  wipe(Number($("wipe").value));
  if (!image) return;
  ratio = image.getAttribute("width") / image.getAttribute("height");
  stage.style.setProperty("--ratio", ratio);
  lay();
  Object.assign($("with"), { hidden: false, src: image.getAttribute("src"), alt: image.alt });
  if (bare(current)) Object.assign($("without"), { hidden: false, src: bare(current), alt: `${image.alt}, without adapters` });
}
function tellPick() {
  const shot = shotOf.get(current), lines = told(shot), word = current.dataset.word;
  $("pick").textContent = lines.length ? lines.join(". ") : hasPicture(shot) ? "Undecided" : "No picture to decide about";
  $("pick").dataset.word = word;
  for (const button of $("verbs").querySelectorAll("[data-verb]")) {
    const pressed = { accept: word === "accepted", reject: word === "rejected", pin: isPinned(shot) }[button.dataset.verb];
    if (pressed !== undefined) button.setAttribute("aria-pressed", String(pressed));
  }
}
function show(card) {
  const all = shown(), at = all.indexOf(card);
  current = card;
  $("about").replaceChildren(card.querySelector("template").content.cloneNode(true));
  $("details").scrollTop = 0;
  $("position").textContent = `${at + 1} of ${all.length}`;
  $("previous").disabled = at <= 0;
  $("next").disabled = at === all.length - 1;
  $("wipe").value = 50;
  paint();
  tellPick();
  if (!viewer.open) { viewer.showModal(); $("details").focus({ preventScroll: true }); }
  viewer.scrollTop = 0;
  for (const beside of [all[at - 1], all[at + 1]]) if (beside && link(beside).matches("[href]:not(.empty)")) new Image().src = link(beside).href;
}
function step(by) {
  const all = shown(), next = all[all.indexOf(current) + by];
  if (!next) return;
  const held = document.activeElement;
  show(next);
  if (held.disabled) $("details").focus();
}
list.addEventListener("click", (event) => {
  const shot = event.target.closest(".shot");
  if (!shot || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  show(shot.closest(".card"));
});
$("previous").addEventListener("click", () => step(-1));
$("next").addEventListener("click", () => step(1));
$("close").addEventListener("click", () => viewer.close());
viewer.addEventListener("close", () => { link(current).focus(); link(current).scrollIntoView({ block: "nearest" }); });
$("wipe").addEventListener("input", (event) => wipe(Number(event.target.value)));
$("modes").addEventListener("click", (event) => {
  const wanted = event.target.closest("[data-mode]")?.dataset.mode;
  if (wanted) { mode = wanted; paint(); }
});
const flip = () => { if (stage.dataset.mode === "slide") wipe($("wipe").value > 50 ? 0 : 100); };
$("flip").addEventListener("click", flip);
