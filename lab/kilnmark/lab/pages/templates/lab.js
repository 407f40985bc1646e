"use strict";
/* The lab's pages work without this. With it commands are copied by a button, and what has changed in the folder is
   shown without being asked for. */
(() => {
  const main = document.getElementById("main"), told = document.getElementById("live");

  let shown = main.innerHTML;

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

  if (!("live" in document.body.dataset) || !window.EventSource) return;

  /* What is open stays open, and nothing is exchanged under somebody who types. */
  const key = (part) => part.querySelector("summary")?.textContent.trim();
  const busy = () => document.activeElement?.matches("main input:not([type=hidden]), main button, main textarea");
  let waits = false;
  async function refresh() {
    if (busy()) { waits = true; return; }
    waits = false;
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) { told.textContent = "The server refuses; open the address that it printed."; return; }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
    if (fresh.innerHTML === shown) return;
    const open = new Set([...main.querySelectorAll("details[open]")].map(key));
    shown = fresh.innerHTML;
    main.replaceChildren(...fresh.childNodes);
    for (const part of main.querySelectorAll("details")) if (open.has(key(part))) part.open = true;
    arm();
    told.textContent = `Changed at ${new Date().toLocaleTimeString()}.`;
  }
  main.addEventListener("focusout", () => { if (waits) setTimeout(refresh); });
  if (main.querySelector("form[action=vote], form.who")) return;

  /* Browsers hold no more than six connections to a server: only a page that is looked at has one, and asks again when it
     is looked at once more. */
  const FOLLOWS = "Follows the folder as it changes.";
  let events = null;
  function follow() {
    if (events || document.hidden) return;
    told.textContent ||= FOLLOWS;
    events = new EventSource(`${document.body.dataset.root}events`);
    events.addEventListener("changed", refresh);
    events.addEventListener("error", () => { told.textContent = "The server is away; what is shown may be old."; });
    events.addEventListener("hello", () => {
      refresh();
      if (told.textContent.includes("away")) told.textContent = FOLLOWS;
    });
  }
  function leave() { events?.close(); events = null; }
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : follow()));
  addEventListener("pagehide", leave);
  addEventListener("pageshow", follow);
  follow();
})();
