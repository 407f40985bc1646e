"use strict";
/* The review page's behaviour: which cards are shown and in which order, the keys, the viewer, light and dark. */
(() => {
  const $ = (id) => document.getElementById(id);
  const form = $("filters"), list = $("pictures"), viewer = $("viewer"), help = $("help"), stage = $("stage");
  const cards = [...list.children];
  const CHOICES = ["standing", "genre", "world", "kind", "tier"];
  const words = new Map(cards.map((card) => {
    const whole = `${card.textContent} ${card.querySelector("template").content.textContent}`;
    return [card, whole.toLowerCase()];
  }));
  const link = (card) => card.querySelector(".shot");
  const shown = () => [...list.children].filter((card) => !card.hidden);

  /* Filters */
  const wishes = () => Object.fromEntries(new FormData(form));
  const has = (card, name, value) => !value || card.dataset[name].split(name === "standing" ? " " : "\n").includes(value);
  const matches = (card, wish, names) =>
    names.every((name) => has(card, name, wish[name])) &&
    wish.text.toLowerCase().split(/\s+/).every((word) => words.get(card).includes(word));

  function filter() {
    const wish = wishes();
    const others = cards.filter((card) => matches(card, wish, CHOICES.slice(1)));
    const found = others.filter((card) => has(card, "standing", wish.standing));
    const kept = new Set(found);
    for (const card of cards) if (card.hidden === kept.has(card)) card.hidden = !card.hidden;
    for (const number of form.querySelectorAll("[data-count]"))
      number.textContent = others.filter((card) => has(card, "standing", number.dataset.count)).length;
    $("found").textContent = found.length ? `${found.length} of ${cards.length} shown` :
      cards.length ? "No picture matches" : "Nothing has been painted here yet";
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
  const dead = cards.slice();
  const ORDERS = {
    "": by((card) => dead.indexOf(card)),
    change: by((card) => (card.dataset.change === "" ? 2 : Number(card.dataset.change))),
    place,
    name: (one, other) => compare(one.querySelector("h3").textContent, other.querySelector("h3").textContent),
    created: (one, other) => compare(other.dataset.created, one.dataset.created),
  };
  function sort() {
    const order = ORDERS[form.elements.order.value];
    list.append(...cards.slice().sort((one, other) => order(one, other) || place(one, other)));
  }

  /* What is chosen stands in the address, so that a view can be kept or passed on. */
  function remember() {
    const kept = new URLSearchParams(Object.entries(wishes()).filter(([, value]) => value));
    history.replaceState(null, "", `#${kept}`);
  }
  function recall() {
    const kept = new URLSearchParams(location.hash.slice(1));
    form.reset();
    for (const [name, value] of kept) if (form.elements[name]) form.elements[name].value = value;
    for (const name of [...CHOICES.slice(1), "order"]) if (form.elements[name].selectedIndex < 0) form.elements[name].value = "";
    if (![...form.elements.standing].some((choice) => choice.checked)) form.elements.standing[0].checked = true;
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

  /* The viewer */
  let current = null;
  const bare = (card) => link(card).dataset.bare;
  let mode = "slide";
  function wipe(share) {
    $("wipe").value = share;
    stage.style.setProperty("--wipe", `${share}%`);
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
    if (!image) return;
    ratio = image.getAttribute("width") / image.getAttribute("height");
    stage.style.setProperty("--ratio", ratio);
    lay();
    Object.assign($("with"), { hidden: false, src: image.getAttribute("src"), alt: image.alt });
    if (bare(current)) Object.assign($("without"), { hidden: false, src: bare(current), alt: `${image.alt}, without adapters` });
  }
  function show(card) {
    const all = shown(), at = all.indexOf(card);
    current = card;
    $("details").replaceChildren(card.querySelector("template").content.cloneNode(true));
    $("details").scrollTop = 0;
    $("position").textContent = `${at + 1} of ${all.length}`;
    $("previous").disabled = at === 0;
    $("next").disabled = at === all.length - 1;
    wipe(50);
    paint();
    if (!viewer.open) { viewer.showModal(); $("details").focus({ preventScroll: true }); }
    viewer.scrollTop = 0;
    for (const beside of [all[at - 1], all[at + 1]]) if (beside && link(beside).matches("[href]:not(.empty)")) new Image().src = link(beside).href;
  }
  function step(by) {
    const next = shown()[shown().indexOf(current) + by];
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
  $("wipe").addEventListener("input", (event) => wipe(event.target.value));
  $("modes").addEventListener("click", (event) => {
    const wanted = event.target.closest("[data-mode]")?.dataset.mode;
    if (wanted) { mode = wanted; paint(); }
  });
  const flip = () => { if (stage.dataset.mode === "slide") wipe($("wipe").value > 50 ? 0 : 100); };
  $("flip").addEventListener("click", flip);

  /* Light and dark */
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const tellTheme = () => $("theme").setAttribute("aria-pressed", String(isDark()));
  function turn() {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    tellTheme();
  }
  $("theme").addEventListener("click", turn);
  system.addEventListener("change", tellTheme);

  /* Keys */
  function beside(card, key) {
    const all = shown(), at = all.indexOf(card);
    if (key === "Home") return all[0];
    if (key === "End") return all.at(-1);
    if (key === "ArrowRight") return all[at + 1];
    if (key === "ArrowLeft") return all[at - 1];
    const from = link(card).getBoundingClientRect(), middle = from.left + from.width / 2, down = key === "ArrowDown";
    const rows = all.map((other) => [other, link(other).getBoundingClientRect()])
      .filter(([, box]) => (down ? box.top > from.top + 8 : box.top < from.top - 8));
    const top = rows.reduce((best, [, box]) => (down ? Math.min(best, box.top) : Math.max(best, box.top)), down ? Infinity : -Infinity);
    const far = ([, box]) => Math.abs(box.left + box.width / 2 - middle);
    return rows.filter(([, box]) => Math.abs(box.top - top) < 8).sort((one, other) => far(one) - far(other))[0]?.[0];
  }
  function walk(event) {
    const card = document.activeElement.closest?.(".card");
    const next = card ? beside(card, event.key) : event.key === "ArrowRight" ? shown()[0] : null;
    if (!next) return;
    event.preventDefault();
    link(next).focus();
  }
  const isArrow = (key) => /^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(key);
  const plain = { "?": () => help.open ? help.close() : help.showModal(), t: turn };
  document.addEventListener("keydown", (event) => {
    const field = event.target.matches("input, select, textarea");
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && event.target.id === "text" && !viewer.open) {
      event.preventDefault();
      if (event.target.value) { event.target.value = ""; filter(); remember(); } else event.target.blur();
    } else if (field && event.target.type !== "radio" && event.target.type !== "range") return;
    else if (plain[event.key]) { event.preventDefault(); plain[event.key](); }
    else if (help.open) return;
    else if (viewer.open) {
      if (event.key === "b") flip();
      else if (!field && event.key === "ArrowRight") step(1);
      else if (!field && event.key === "ArrowLeft") step(-1);
    } else if (event.key === "/") { event.preventDefault(); $("text").focus(); $("text").select(); }
    else if (!field && isArrow(event.key)) walk(event);
  });
  $("ask").addEventListener("click", () => help.showModal());
  for (const dialog of [viewer, help])
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  const roomy = matchMedia("(min-width: 34.01rem)");
  const unfold = () => { $("more").open = roomy.matches; };
  roomy.addEventListener("change", unfold);
  unfold();

  addEventListener("hashchange", () => { if (!location.hash || location.hash.includes("=")) recall(); });
  tellTheme();
  recall();
  ordered = form.elements.order.value;
})();
