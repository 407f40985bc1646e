/* What the rest builds on: the page's parts, its cards, and the data behind them. Nothing is shown or changed here. */
const $ = (id) => document.getElementById(id);
const form = $("filters"), list = $("pictures"), viewer = $("viewer"), help = $("help"), stage = $("stage");
const made = (tag, facts = {}, ...children) => {
  const part = Object.assign(document.createElement(tag), facts);
  part.append(...children);
  return part;
};
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

/* `data.entries` has what was decided, by entry; `data.shots` the picture of each card, `data.earlier` those that lay
   there before. They say which entry they are of by its number. */
let data = JSON.parse($("data").textContent);
let cards = [];
let shotOf = new Map();
let shotsOf = new Map();
const entryOf = (shot) => data.entries[shot.entry];
const cardName = (card) => card.querySelector("h3").textContent;
const link = (card) => card.querySelector(".shot");
const shown = () => [...list.children].filter((card) => !card.hidden && card.classList.contains("card"));

function index() {
  cards = [...list.querySelectorAll(".card")];
  shotOf = new Map();
  shotsOf = new Map();
  const byFile = new Map(data.shots.map((shot) => [shot.file, shot]));
  for (const card of cards) {
    const shot = byFile.get(card.dataset.file);
    shotOf.set(card, shot);
    if (!shotsOf.has(shot.entry)) shotsOf.set(shot.entry, []);
    shotsOf.get(shot.entry).push(card);
  }
  texts.clear();
}

/* What a search looks through: read when somebody searches, and once. */
const texts = new Map();
function textOf(card) {
  if (!texts.has(card)) {
    const whole = `${card.textContent} ${card.querySelector("template").content.textContent}`;
    texts.set(card, whole.toLowerCase());
  }
  return texts.get(card);
}

/* What this browser remembers of this page; a browser that keeps nothing keeps nothing. */
const memory = {
  key: (name) => `kilnmark:${location.pathname}:${name}`,
  store: (session) => (session ? sessionStorage : localStorage),
  read(name, otherwise = null, session = false) {
    try { return JSON.parse(this.store(session).getItem(this.key(name))) ?? otherwise; } catch { return otherwise; }
  },
  write(name, value, session = false) {
    try { this.store(session).setItem(this.key(name), JSON.stringify(value)); return true; } catch { return false; }
  },
};
