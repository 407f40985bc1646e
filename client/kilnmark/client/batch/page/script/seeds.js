/* The seeds of one entry side by side: its pictures, and those that lay there before. */
let comparing = null;
function openSeeds(card) {
  comparing = shotOf.get(card).entry;
  fillSeeds();
  if (!$("seeds").open) $("seeds").showModal();
  $("seeds").scrollTop = 0;
}
/* A file of the same name may hold another picture by now, which a page that is served must not take for the old one. */
const addressOf = (shot) => `./${shot.file.split("/").map(encodeURIComponent).join("/")}${data.live ? `?${shot.sha256.slice(0, 12)}` : ""}`;
function candidates(entry) {
  const now = (shotsOf.get(entry) ?? []).map((card) => shotOf.get(card));
  return [...now, ...data.earlier.filter((shot) => shot.entry === entry)].filter(hasPicture);
}
function fillSeeds() {
  const entry = data.entries[comparing], shots = candidates(comparing);
  $("seeds-name").textContent = `Seeds of ${entry.entry.name}`;
  $("seeds-note").textContent = shots.length > 1 ? `${shots.length} pictures${entry.seeds?.values.length ? `; pinned: ${entry.seeds.values.join(", ")}` : ""}` : "There is one picture alone: re-roll it, or run the batch with --seeds, to have more to choose from.";
  $("seeds-list").replaceChildren(...shots.map(candidate));
}
function candidate(shot, at) {
  const verb = (name, words, pressed) => {
    const button = made("button", { type: "button", textContent: words });
    Object.assign(button.dataset, { verb: name, at });
    button.setAttribute("aria-pressed", String(pressed));
    button.setAttribute("aria-label", `${words} seed ${shot.seed}`);
    return button;
  };
  const image = made("img", { src: addressOf(shot), alt: `Seed ${shot.seed}`, loading: "lazy", decoding: "async" });
  const lines = [`seed ${shot.seed}`, shot.draft ? "draft" : shot.earlier ? "before" : "now", WORDS[wordOf(shot)].toLowerCase()];
  const word = wordOf(shot);
  return made("li", { className: word },
    made("a", { className: "candidate", href: addressOf(shot), target: "_blank", rel: "noopener" }, image),
    made("p", { className: "where", textContent: lines.join(" · ") }),
    made("p", { className: "verbs" }, verb("accept", "Accept", word === "accepted"), verb("reject", "Reject", word === "rejected"), verb("pin", isPinned(shot) ? "Unpin" : "Pin", isPinned(shot))));
}
function actInSeeds(button) {
  const shot = candidates(comparing)[Number(button.dataset.at)], verb = button.dataset.verb;
  const again = () => $("seeds-list").querySelector(`[data-verb=${verb}][data-at="${button.dataset.at}"]`)?.focus();
  if (verb === "accept") say(shot, "accepted").then(again);
  if (verb === "reject") askWhy(shot);
  if (verb === "pin") pin(shot, isPinned(shot) ? [] : [shot.seed]).then(again);
}
$("seeds-close").addEventListener("click", () => $("seeds").close());
