/* While a batch paints, its page is written again and again: this one is loaded anew, and nobody loses their place. A
   page that was not written for long says so. */
const EVERY = 5000, ASLEEP = 30000, LOST = 120000;
const HELD = "held";
function hold() {
  const top = [...list.querySelectorAll(".card:not([hidden])")].find((card) => card.getBoundingClientRect().bottom > 0);
  const facts = { file: top?.dataset.file, at: top?.getBoundingClientRect().top, y: scrollY, focus: focused()?.dataset.file };
  memory.write(HELD, facts, true);
}
function restore() {
  const held = memory.read(HELD, null, true);
  if (!held) return;
  memory.write(HELD, null, true);
  const card = cards.find((one) => one.dataset.file === held.file);
  const put = () => { if (card && held.y > 0) scrollBy(0, card.getBoundingClientRect().top - held.at); };
  const last = cards.find((one) => one.dataset.file === held.focus);
  if (last) link(last).focus({ preventScroll: true });
  put();
  requestAnimationFrame(() => { put(); requestAnimationFrame(put); });
}
const busy = () => document.querySelector("dialog[open]") || document.hidden || document.activeElement?.matches("input, select") || !$("toast").hidden;
const again = () => {
  if (busy()) { setTimeout(again, EVERY); return; }
  hold();
  location.reload();
};
{
  const part = $("running");
  if (part && !data.live) {
    const age = Date.now() - Number(part.dataset.written);
    if (age > LOST) {
      part.classList.add("lost");
      part.textContent = `Nothing was written here for ${plural(Math.round(age / 60000), "minute")}: the batch may have been ended. Run it again, and it goes on.`;
    }
    setTimeout(again, age > LOST ? ASLEEP : EVERY);
  }
}
