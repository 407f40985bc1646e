/* Everything is put in its place, once, when the page is there. */
const roomy = matchMedia("(min-width: 34.01rem)");
const unfold = () => { $("more").open = roomy.matches; };
roomy.addEventListener("change", unfold);
unfold();
addEventListener("hashchange", () => { if (!location.hash || location.hash.includes("=")) recall(); });
document.documentElement.classList.add("alive");
index();
markAll();
tellTheme();
recall();
restore();
if (data.live) follow();
