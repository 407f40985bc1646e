/* Light and dark, and how many pictures stand in a row. Both are remembered. */
const system = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
const tellTheme = () => $("theme").setAttribute("aria-pressed", String(isDark()));
function turn() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  memory.write("theme", document.documentElement.dataset.theme);
  tellTheme();
}
$("theme").addEventListener("click", turn);
system.addEventListener("change", tellTheme);

const SIZES = ["large", "medium", "small"];
function size(wanted) {
  list.dataset.size = wanted;
  for (const button of $("sizes").querySelectorAll("[data-size]"))
    button.setAttribute("aria-pressed", String(button.dataset.size === wanted));
}
function resize(wanted) {
  const held = focused();
  size(wanted);
  memory.write("size", wanted);
  if (held) held.scrollIntoView({ block: "nearest" });
}
const nextSize = () => resize(SIZES[(SIZES.indexOf(list.dataset.size) + 1) % SIZES.length]);
$("sizes").addEventListener("click", (event) => {
  const wanted = event.target.closest("[data-size]")?.dataset.size;
  if (wanted) resize(wanted);
});
{
  const theme = memory.read("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  const wanted = memory.read("size");
  size(SIZES.includes(wanted) ? wanted : "medium");
}
