"use strict";
/* The panel works without this. With it pages follow the daemon, commands are copied by a button, and keys lead around. */
(() => {
  const main = document.getElementById("main"), told = document.getElementById("live");

  function arm() {
    for (const button of main.querySelectorAll(".copy")) button.hidden = !navigator.clipboard;
  }
  document.addEventListener("click", async (event) => {
    const button = event.target.closest(".copy");
    if (!button) return;
    try { await navigator.clipboard.writeText(button.dataset.copy); } catch { return; }
    const label = button.firstChild, before = label.data;
    label.data = "Copied";
    setTimeout(() => { label.data = before; }, 1500);
  });
  arm();

  /* Keys: none of them while somebody types, and none with a modifier. */
  function step(way) {
    const shots = [...main.querySelectorAll(".shot")];
    const at = shots.indexOf(document.activeElement);
    const next = shots[at < 0 ? (way > 0 ? 0 : shots.length - 1) : at + way];
    next?.focus();
  }
  const keys = {
    n: () => location.assign("/"),
    h: () => location.assign("/history"),
    "/": () => { const box = document.getElementById("search"); if (box) box.focus(); else location.assign("/history#search"); },
    j: () => step(1),
    k: () => step(-1),
    "?": () => { const list = document.querySelector(".keys"); list.open = !list.open; list.querySelector("summary").focus(); },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
    const does = keys[event.key];
    if (does) { event.preventDefault(); does(); }
  });
  if (location.hash === "#search") document.getElementById("search")?.focus();

  if (!("live" in document.body.dataset) || !window.EventSource) return;

  /* Only what is another is exchanged, so that nobody loses their place; a list that is open is left alone. */
  const state = () => main.querySelector("[data-state]")?.dataset ?? {};
  const stateWords = {
    ready: "The daemon is ready.", busy: "The daemon is painting.", warming: "The daemon warms up.",
    draining: "The daemon leaves.", degraded: "The daemon has no worker.", away: "The daemon is away.",
  };
  let waits = false, asking = false, again = false;
  const shown = new Map();
  for (const part of main.querySelectorAll("[data-part]")) shown.set(part.id, part.innerHTML);

  function announce(before) {
    const now = state();
    if (Number(now.dead) > Number(before.dead ?? 0)) told.textContent = `A dead adapter: ${now.dead} renders to look at.`;
    else if (now.state !== before.state && !(["ready", "busy"].includes(now.state) && ["ready", "busy"].includes(before.state)))
      told.textContent = stateWords[now.state] ?? "";
  }
  function exchange(fresh) {
    const before = { ...state() }, focused = document.activeElement?.id;
    const parts = [...fresh.querySelectorAll("[data-part]")];
    const same = parts.length && parts.length === shown.size && parts.every((part) => shown.has(part.id));
    if (!same) {
      main.replaceChildren(...fresh.childNodes);
      shown.clear();
      for (const part of main.querySelectorAll("[data-part]")) shown.set(part.id, part.innerHTML);
    } else for (const part of parts) {
      const html = part.innerHTML;
      if (shown.get(part.id) === html) continue;
      shown.set(part.id, html);
      const old = document.getElementById(part.id);
      const open = [...old.querySelectorAll("details[open]")].length > 0;
      old.replaceWith(part);
      if (open) for (const one of part.querySelectorAll("details")) one.open = true;
    }
    if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
    arm();
    announce(before);
  }
  async function refresh() {
    if (document.activeElement?.matches("main select, main input:not([type=hidden])")) { waits = true; return; }
    if (asking) { again = true; return; }
    waits = false; asking = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.status === 401) { told.textContent = "Open the address that kilnmark web printed."; return; }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      exchange(page.getElementById("main"));
      document.title = page.title;
    } catch { told.textContent = AWAY; } finally {
      asking = false;
      if (again) { again = false; refresh(); }
    }
  }
  main.addEventListener("focusout", () => { if (waits) setTimeout(refresh); });

  function stepped(event) {
    const news = JSON.parse(event.data);
    const card = [...main.querySelectorAll("[data-job]")].find((one) => one.dataset.job === news.job_id);
    if (!card) return;
    const bar = card.querySelector("progress");
    bar.max = news.steps || 1;
    bar.value = news.step;
    card.querySelector(".steps-told").textContent = `${news.stage || "painting"}, step ${news.step} of ${news.steps}`;
    if (news.preview === null) return;
    const picture = card.querySelector(".preview");
    picture.src = `/previews/${encodeURIComponent(news.job_id)}?step=${news.preview}`;
    picture.hidden = false;
  }

  /* Browsers hold no more than six connections to a server: only a page that is looked at has one. A stream that breaks is
     begun again, later each time, and what was missed meanwhile is asked for. */
  const AWAY = "The web process is away; what is shown may be old.";
  let events = null, pause = 1000, timer = 0;
  function follow() {
    if (events || document.hidden) return;
    clearTimeout(timer);
    events = new EventSource("/events");
    events.addEventListener("changed", refresh);
    events.addEventListener("step", stepped);
    events.addEventListener("hello", () => {
      pause = 1000;
      if (told.textContent === AWAY) told.textContent = "";
      refresh();
    });
    events.addEventListener("error", () => {
      told.textContent = AWAY;
      leave();
      timer = setTimeout(follow, pause);
      pause = Math.min(30000, pause * 2);
    });
  }
  function leave() { events?.close(); events = null; }
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : follow()));
  addEventListener("pagehide", leave);
  addEventListener("pageshow", follow);
  follow();
})();
