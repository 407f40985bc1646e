/* Which cards are shown, in which order and in which groups. What is chosen stands in the address. */
const CHOICES = ["standing", "word", "genre", "world", "kind", "tier"];
const COUNTED = ["standing", "word"];
const wishes = () => Object.fromEntries(new FormData(form));
const has = (card, name, value) => !value || card.dataset[name].split(name === "standing" ? " " : "\n").includes(value);
const looked = (wish) => wish.text.toLowerCase().split(/\s+/).filter(Boolean);
const matches = (card, wish, names, looks) =>
  names.every((name) => has(card, name, wish[name])) && looks.every((word) => textOf(card).includes(word));

function filter() {
  const wish = wishes(), looks = looked(wish);
  const others = cards.filter((card) => matches(card, wish, CHOICES.slice(2), looks));
  const found = others.filter((card) => COUNTED.every((name) => has(card, name, wish[name])));
  const kept = new Set(found);
  for (const card of cards) if (card.hidden === kept.has(card)) card.hidden = !card.hidden;
  for (const name of COUNTED) {
    const other = COUNTED.find((one) => one !== name);
    const counted = new Map();
    for (const card of others)
      if (has(card, other, wish[other])) for (const value of ["", ...card.dataset[name].split(" ")]) counted.set(value, (counted.get(value) ?? 0) + 1);
    for (const number of form.querySelectorAll(`[data-counts=${name}]`)) number.textContent = counted.get(number.dataset.count) ?? 0;
  }
  for (const head of list.querySelectorAll(".group")) head.hidden = !head.cards.some((card) => kept.has(card));
  $("found").textContent = found.length ? `${found.length} of ${cards.length} shown` : cards.length ? "No picture matches" : "";
  $("clear").hidden = !Object.entries(wish).some(([name, value]) => value && name !== "order");
}

/* The worlds of other genres cannot be chosen: they would show nothing. */
function narrow() {
  const genre = form.elements.genre.value, world = form.elements.world;
  for (const group of world.querySelectorAll("optgroup"))
    group.hidden = group.disabled = Boolean(genre) && group.dataset.genre !== genre;
  if (world.selectedOptions[0]?.parentElement.disabled) world.value = "";
}

const compare = new Intl.Collator().compare;
const by = (read) => (one, other) => read(one) - read(other);
const place = by((card) => Number(card.dataset.place));
const ORDERS = {
  "": by((card) => Number(card.dataset.rank)),
  undecided: by((card) => (card.dataset.word === "open" ? 0 : 1)),
  where: (one, other) => compare(one.dataset.where, other.dataset.where),
  change: by((card) => (card.dataset.change === "" ? 2 : Number(card.dataset.change))),
  place,
  name: (one, other) => compare(cardName(one), cardName(other)),
  created: (one, other) => compare(other.dataset.created, one.dataset.created),
};
function sort() {
  const wish = form.elements.order.value, order = ORDERS[wish];
  const sorted = cards.slice().sort((one, other) => order(one, other) || place(one, other));
  list.replaceChildren(...(wish === "where" ? grouped(sorted) : sorted));
}

/* A heading over the pictures of each place. */
function grouped(sorted) {
  const parts = [];
  let head = null;
  for (const card of sorted) {
    if (head?.where !== card.dataset.where) {
      head = Object.assign(made("li", { className: "group" }, made("h3", { textContent: card.dataset.where, dir: "auto" })), { where: card.dataset.where, cards: [] });
      parts.push(head);
    }
    head.cards.push(card);
    parts.push(card);
  }
  return parts;
}

function remember() {
  const kept = new URLSearchParams(Object.entries(wishes()).filter(([, value]) => value));
  history.replaceState(null, "", `#${kept}`);
}
/* A single choice is no list of choices to a browser. */
function choose(name, value) {
  if (!COUNTED.includes(name)) { if (form.elements[name]) form.elements[name].value = value; return; }
  for (const choice of form.querySelectorAll(`[name=${name}]`)) choice.checked = choice.value === value;
}
function recall() {
  const kept = new URLSearchParams(location.hash.slice(1));
  form.reset();
  for (const [name, value] of kept) choose(name, value);
  for (const name of [...CHOICES.slice(2), "order"]) if (form.elements[name].selectedIndex < 0) form.elements[name].value = "";
  for (const name of COUNTED)
    if (!form.querySelector(`[name=${name}]:checked`)) form.querySelector(`[name=${name}][value=""]`).checked = true;
  ordered = form.elements.order.value;
  refresh();
}
function refresh() { narrow(); sort(); filter(); }
function clear() {
  const order = form.elements.order.value;
  form.reset();
  form.elements.order.value = order;
  refresh();
  remember();
}
let ordered = "";
form.addEventListener("input", () => {
  narrow();
  if (form.elements.order.value !== ordered) { ordered = form.elements.order.value; sort(); }
  filter();
  remember();
});
form.addEventListener("submit", (event) => event.preventDefault());
$("clear").addEventListener("click", () => { clear(); $("text").focus(); });

/* What went wrong is told once, on top, and leads to its pictures. */
document.addEventListener("click", (event) => {
  const seek = event.target.closest("[data-seek]");
  if (!seek) return;
  form.reset();
  form.elements.text.value = seek.dataset.seek;
  if (seek.dataset.standing) choose("standing", seek.dataset.standing);
  refresh();
  remember();
  list.focus();
});
