/* What can be taken along: prompt, seed, and the command that paints a picture again. */
async function copied(words, what) {
  try {
    await navigator.clipboard.writeText(words);
  } catch {
    const field = made("textarea", { value: words, className: "unseen" });
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    const did = document.execCommand("copy");
    field.remove();
    if (!did) { toast("This browser does not let pages copy: mark the words, and copy them by hand"); return; }
  }
  toast(`Copied ${what}`);
}
const COPIES = {
  prompt: (card) => copied(card.querySelector(".prompt").textContent, "the prompt"),
  seed: (card) => copied(String(shotOf.get(card).seed), "the seed"),
  command: (card) => copied(entryOf(shotOf.get(card)).command, "the command that paints it again"),
};
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copies]");
  if (button && current) COPIES[button.dataset.copies](current);
});
