/* Decisions of a page that is served: the server writes them, paints again, and tells what others decide. */
const away = "The server does not answer: start `kilnmark review` again, and open the address that it prints";
let sending = 0;
async function post(verb, facts) {
  sending += 1;
  try {
    const answer = await fetch(`./${verb}`, { method: "POST", body: new URLSearchParams({ csrf: data.csrf, ...facts }) })
      .catch(() => { throw new Error(away); });
    const reply = await answer.json().catch(() => { throw new Error(away); });
    if (!answer.ok) throw new Error(reply.message);
    return reply;
  } finally {
    sending -= 1;
    if (!sending && waiting) refreshState();
  }
}
const asSeen = (shot) => ({ file: shot.file, sha256: shot.sha256 });
const store = {
  say: (shot, word, reason) => post("decide", { ...asSeen(shot), word, reason }),
  async pin(shot, values) {
    const reply = await post("pin", { ...asSeen(shot), seeds: values.join(",") });
    if (reply.message) toast(reply.message);
  },
  async roll(shot) {
    const entry = entryOf(shot), before = entry.seeds?.values ?? [];
    try {
      const reply = await post("roll", asSeen(shot));
      const undo = { pin: before, ...seen(shot) };
      piled(undo);
      toast(reply.message, undo);
    } catch (error) {
      toast(error.message);
    }
    refreshState();
  },
  again: () => refreshState(),
};

/* What anybody decided: asked for when the server says that there is something new, and not under one's own words. */
let waiting = false;
async function refreshState() {
  if (sending) { waiting = true; return; }
  waiting = false;
  const answer = await fetch("./state").catch(() => null);
  if (!answer?.ok || sending) { waiting = Boolean(sending); return; }
  const fresh = await answer.json();
  if (fresh.version !== data.version) refreshPage();
  else adoptData(fresh);
}
function adoptData(fresh) {
  data = { ...data, ...fresh };
  index();
  markAll();
  filter();
  if (viewer.open && current) tellPick();
  if ($("seeds").open) fillSeeds();
}

/* Pictures that have come, gone or changed: their cards are exchanged, the others stay as they are. While a batch
   paints there is something new every second; a page is asked for when the one before has been shown for a while. */
const CALM = 2000;
let shownAt = -CALM, asked = 0;
function refreshPage() {
  clearTimeout(asked);
  asked = setTimeout(exchange, Math.max(0, shownAt + CALM - performance.now()));
}
async function exchange() {
  shownAt = performance.now();
  const answer = await fetch("./").catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const before = new Map(cards.map((card) => [card.dataset.file, card]));
  const held = focused()?.dataset.file, open = viewer.open ? current.dataset.file : null;
  const parts = [...page.querySelectorAll("#pictures > .card")].map((card) => {
    const old = before.get(card.dataset.file);
    if (old?.dataset.mark === card.dataset.mark) { old.dataset.place = card.dataset.place; old.dataset.rank = card.dataset.rank; return old; }
    for (const image of card.querySelectorAll("img")) image.src = `${image.getAttribute("src")}?${card.dataset.mark}`;
    return document.adoptNode(card);
  });
  list.replaceChildren(...parts);
  $("news").replaceChildren(...page.getElementById("news").childNodes);
  $("rest").textContent = page.getElementById("rest").textContent;
  adoptData(JSON.parse(page.getElementById("data").textContent));
  refresh();
  const now = (file) => cards.find((card) => card.dataset.file === file);
  if (open && now(open)) show(now(open));
  else if (open) viewer.close();
  else if (held && now(held)) link(now(held)).focus({ preventScroll: true });
}

/* Browsers hold no more than six connections to a server: only a page that is looked at has one. */
let events = null;
function follow() {
  if (events || document.hidden) return;
  events = new EventSource("./events");
  events.addEventListener("picks", refreshState);
  events.addEventListener("pictures", refreshPage);
  events.addEventListener("said", (event) => toast(JSON.parse(event.data)));
  events.addEventListener("hello", (event) => {
    $("away").hidden = true;
    if (JSON.parse(event.data) === data.version) refreshState();
    else refreshPage();
  });
  events.addEventListener("error", () => { $("away").hidden = false; });
}
function leave() { events?.close(); events = null; }
document.addEventListener("visibilitychange", () => (document.hidden ? leave() : follow()));
addEventListener("pagehide", leave);
addEventListener("pageshow", follow);
