/* What was decided, shown on the cards and changed by verbs. Where it is kept is for `kept` or `live`: whichever stands
   in this page has `store`. A person's last word about a picture counts, and of several people's the last one that was
   not taken back. */
const WORDS = { accepted: "Accepted", rejected: "Rejected", open: "Undecided" };
const later = (one, other) => (one.at === other.at ? one.word > other.word : one.at > other.at);
const standing = (shot) => shot.said.filter((one) => one.word !== "open").reduce((last, one) => (last && later(last, one) ? last : one), null);
const ownWord = (shot) => shot.said.find((one) => one.by === data.by) ?? null;
const wordOf = (shot) => standing(shot)?.word ?? "open";
const pinnedSeeds = (shot) => entryOf(shot).seeds?.values ?? [];
const isPinned = (shot) => pinnedSeeds(shot).includes(shot.seed);
const hasPicture = (shot) => Boolean(shot.sha256);
const sentence = ({ word, by, reason }) => `${WORDS[word]}${by ? ` by ${by}` : ""}${reason ? `: ${reason}` : ""}`;
const disputed = (shot) => new Set(shot.said.map((one) => one.word).filter((word) => word !== "open")).size > 1;

function told(shot) {
  const last = standing(shot), lines = [];
  if (shot.draft) lines.push("A draft, which cannot be accepted");
  if (shot.gone) lines.push("Its entry stands in no document any more: batch --prune removes it");
  if (last) lines.push(disputed(shot) ? shot.said.filter((one) => one.word !== "open").map(sentence).join("; ") : sentence(last));
  if (!last && shot.stale) lines.push(shot.stale);
  if (isPinned(shot)) lines.push("Seed pinned");
  else if (pinnedSeeds(shot).length) lines.push(`Another seed is pinned: ${pinnedSeeds(shot).join(", ")}`);
  if (entryOf(shot).pending) lines.push(entryOf(shot).pending);
  return lines;
}

/* One card as its shot stands. */
function mark(card) {
  const shot = shotOf.get(card), word = !hasPicture(shot) || (wordOf(shot) === "open" && (shot.draft || shot.gone)) ? "none" : wordOf(shot);
  card.dataset.word = word;
  const lines = told(shot), note = card.querySelector(".pick");
  note.hidden = !lines.length;
  note.textContent = lines.join(". ");
  for (const button of card.querySelectorAll("[data-verb]"))
    button.setAttribute("aria-pressed", String(button.dataset.verb === { accepted: "accept", rejected: "reject" }[word]));
}
function count() {
  const counts = { open: 0, accepted: 0, rejected: 0, none: 0 };
  for (const card of cards) counts[card.dataset.word] += 1;
  const decided = counts.accepted + counts.rejected;
  $("undecided").textContent = counts.open || !decided ? `${counts.open} undecided` : "Everything is decided";
  $("decided").textContent = decided ? ` · ${counts.accepted} accepted, ${counts.rejected} rejected` : "";
}
function markAll() {
  for (const card of cards) mark(card);
  count();
}
function markEntry(entry) {
  for (const card of shotsOf.get(entry) ?? []) mark(card);
  count();
  filter();
  if (viewer.open && current && shotOf.get(current).entry === entry) tellPick();
  if ($("seeds").open && comparing === entry) fillSeeds();
}

/* Times never run backwards within an entry, whatever this machine's clock says. */
function moment(entry) {
  const { seeds, number } = { seeds: entry.seeds, number: data.entries.indexOf(entry) };
  const all = [...data.shots, ...data.earlier].filter((shot) => shot.entry === number).flatMap((shot) => shot.said);
  const last = [...all, seeds ?? { at: "" }].reduce((most, one) => (one.at > most ? one.at : most), "");
  let now = new Date().toISOString().replace("Z", "000+00:00");
  if (now <= last) now = after(last);
  return now;
}
function after(last) {
  const micros = Number(last.slice(20, 26)) + 1;
  if (micros < 1e6) return `${last.slice(0, 20)}${String(micros).padStart(6, "0")}+00:00`;
  return new Date(Date.parse(`${last.slice(0, 19)}Z`) + 1000).toISOString().replace("Z", "000+00:00");
}

/* Every verb puts what takes it back on this pile, which stays while the page is open, loaded anew or not. */
const pile = memory.read("undone", [], true);
const PILED = 200;
function piled(undo) {
  pile.push(undo);
  memory.write("undone", pile.slice(-PILED), true);
}
function toast(words, undo = null) {
  const part = $("toast");
  part.replaceChildren(made("span", { textContent: words }));
  if (undo) part.append(" ", made("button", { type: "button", textContent: "Undo" }));
  part.querySelector("button")?.addEventListener("click", takeBack);
  part.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { part.hidden = true; }, 8000);
  ([...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body).append(part);
}
const said = (shot, word, reason, at) => {
  shot.said = [...shot.said.filter((one) => one.by !== data.by), { word, by: data.by, at, reason }];
};
async function say(shot, word, reason = "") {
  if (!hasPicture(shot)) { toast("There is no picture to decide about"); return; }
  if (shot.draft && word === "accepted") { toast("A draft is no picture: paint it without --draft first"); return; }
  const before = ownWord(shot);
  await tell(shot, word, reason, `${WORDS[word]} ${nameOf(shot)}`, { say: before?.word ?? "open", reason: before?.reason ?? "", ...seen(shot) });
}
const entryKey = (entry) => JSON.stringify([entry.genre, entry.world, entry.kind, entry.name, entry.tier]);
const seen = (shot) => ({ entry: entryKey(entryOf(shot).entry), sha256: shot.sha256 });
async function tell(shot, word, reason, words, undo = null) {
  const before = shot.said;
  said(shot, word, reason, moment(entryOf(shot)));
  await kept(() => store.say(shot, word, reason), shot.entry, words, undo, () => { shot.said = before; });
}
async function pin(shot, values) {
  const entry = entryOf(shot), before = entry.seeds?.values ?? [];
  const words = values.length ? `${nameOf(shot)} is painted with seed ${values.join(", ")} from now on` : `${nameOf(shot)} has its own seed again`;
  await pinAs(shot, values, words, { pin: before, ...seen(shot) });
}
async function pinAs(shot, values, words, undo = null) {
  const entry = entryOf(shot), before = entry.seeds;
  entry.seeds = { values, by: data.by, at: moment(entry), before: before?.values ?? [] };
  await kept(() => store.pin(shot, values), shot.entry, words, undo, () => { entry.seeds = before; });
}
/* It is shown at once, and is shown as before where it could not be kept. */
async function kept(keep, entry, words, undo, restore) {
  markEntry(entry);
  if (undo) piled(undo);
  toast(words, undo);
  try {
    await keep();
  } catch (error) {
    restore();
    if (undo) pile.splice(pile.lastIndexOf(undo), 1);
    markEntry(entry);
    toast(error.message);
    await store.again();
  }
}
async function takeBack() {
  const undo = pile.pop();
  if (!undo) { toast("Nothing was decided here that could be taken back"); return; }
  memory.write("undone", pile, true);
  const shots = [...data.shots, ...data.earlier].filter((shot) => entryKey(entryOf(shot).entry) === undo.entry);
  const shot = shots.find((one) => one.sha256 === undo.sha256) ?? (undo.pin && shots[0]);
  if (!shot) { toast("That picture is not here any more: its decision stays"); return; }
  if (undo.pin) await pinAs(shot, undo.pin, `The seed of ${nameOf(shot)} is as it was`);
  else await tell(shot, undo.say, undo.reason, `${nameOf(shot)} is as it was`);
}
const nameOf = (shot) => entryOf(shot).entry.name;

/* The verbs, by their words on buttons and keys; each is given a card. */
const VERBS = {
  accept: (card) => say(shotOf.get(card), "accepted"),
  reject: (card) => askWhy(shotOf.get(card)),
  roll: (card) => store.roll(shotOf.get(card)),
  pin: (card) => pin(shotOf.get(card), isPinned(shotOf.get(card)) ? [] : [shotOf.get(card).seed]),
  compare: (card) => openSeeds(card),
};

/* Why a picture is rejected: asked for, and not insisted on. Reasons that were given before are offered. */
let rejecting = null;
function askWhy(shot) {
  if (!hasPicture(shot)) { toast("There is no picture to decide about"); return; }
  rejecting = shot;
  const given = new Set([...data.shots, ...data.earlier].flatMap((one) => one.said.map((each) => each.reason)).filter(Boolean));
  $("reasons").replaceChildren(...[...given].slice(0, 20).map((value) => made("option", { value })));
  $("why-name").textContent = `Reject ${nameOf(shot)}`;
  $("reason").value = ownWord(shot)?.word === "rejected" ? ownWord(shot).reason : "";
  $("why").returnValue = "";
  $("why").showModal();
  $("reason").focus();
}
$("why").addEventListener("close", () => {
  const shot = rejecting;
  rejecting = null;
  if ($("why").returnValue !== "reject" || !shot) return;
  say(shot, "rejected", $("reason").value.trim().replace(/\s+/g, " "));
  goOn();
});

/* After a word about a picture the next one is looked at. */
function goOn() {
  if ($("seeds").open) return;
  if (viewer.open) step(1);
  else if (focused()) { const next = beside(focused(), "ArrowRight"); if (next) link(next).focus(); }
}
const focused = () => document.activeElement?.closest?.(".card") ?? null;
const chosen = () => (viewer.open ? current : focused());

function act(verb, card) {
  if (verb === "undo") { takeBack(); return; }
  if (!card) { toast("Go to a picture first: \u2192 begins"); return; }
  VERBS[verb](card);
  if (verb === "accept") goOn();
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-verb]");
  if (!button) return;
  if ($("seeds").contains(button)) { actInSeeds(button); return; }
  const card = button.closest(".card");
  if (card) { const verb = button.dataset.verb; VERBS[verb](card); } else act(button.dataset.verb, chosen());
});
