/* Decisions of a page that was opened as a file: this browser keeps them, and they leave it as a `picks.yaml`, which
   `kilnmark picks merge` takes in. */
const mine = { said: {}, seeds: {}, ...memory.read("picks", {}) };
const shotKey = (shot) => `${shot.sha256} ${entryKey(entryOf(shot).entry)}`;
data.by = memory.read("by", "");
function adopt() {
  for (const shot of [...data.shots, ...data.earlier]) {
    const word = mine.said[shotKey(shot)];
    if (word && !shot.said.some((one) => one.at >= word.at && one.by === data.by))
      shot.said = [...shot.said.filter((one) => one.by !== data.by), { word: word.word, by: data.by, at: word.at, reason: word.reason, own: true }];
  }
  for (const entry of data.entries) {
    const seeds = mine.seeds[entryKey(entry.entry)];
    if (seeds && (entry.seeds?.at ?? "") < seeds.at) entry.seeds = { ...seeds, by: data.by, own: true };
  }
}
function keep() {
  if (!memory.write("picks", mine)) throw new Error("This browser keeps nothing for this page: export picks.yaml before you close it");
  tellExport();
}
const store = {
  say(shot) {
    const { word, at, reason } = ownWord(shot);
    ownWord(shot).own = true;
    mine.said[shotKey(shot)] = { sha256: shot.sha256, word, at, reason, entry: entryOf(shot).entry, seed: shot.seed, inputs: shot.inputs, file: shot.file };
    keep();
  },
  pin(shot) {
    const entry = entryOf(shot), { values, at, before } = entry.seeds;
    entry.seeds.own = true;
    mine.seeds[entryKey(entry.entry)] = { values, at, before };
    mine.names = { ...mine.names, [entryKey(entry.entry)]: entry.entry };
    keep();
  },
  roll(shot) {
    $("again-command").textContent = `${entryOf(shot).command} --reroll`;
    $("again").showModal();
  },
  again() {},
};
$("again-copy").addEventListener("click", () => copied($("again-command").textContent, "the command"));

/* As `kilnmark picks` writes it: a field a line, every text in double quotes. */
const spelled = (c) => { const code = c.codePointAt(0); return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`; };
const quoted = (text) => JSON.stringify(text).replace(/[\u007f-\u00a0\u00ad\u0600-\u0605\u061c\u06dd\u070f\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]/gu, spelled);
const numbers = (values) => `[${values.join(", ")}]`;
function picksYaml() {
  const entries = new Map();
  const of = (name) => {
    const key = entryKey(name);
    if (!entries.has(key)) entries.set(key, { name, seeds: null, pictures: [] });
    return entries.get(key);
  };
  for (const one of Object.values(mine.said)) of(one.entry).pictures.push(one);
  for (const [key, seeds] of Object.entries(mine.seeds)) of(mine.names[key]).seeds = seeds;
  const lines = ["# Decisions made on the review page. `kilnmark picks merge` takes them in.", "schema: 1", entries.size ? "picks:" : "picks: []"];
  for (const { name, seeds, pictures } of entries.values()) {
    lines.push(`- genre: ${quoted(name.genre)}`);
    if (name.world !== null) lines.push(`  world: ${quoted(name.world)}`);
    lines.push(`  kind: ${name.kind}`, `  name: ${quoted(name.name)}`, `  tier: ${quoted(name.tier)}`);
    if (seeds) {
      const before = seeds.before.length ? `, before: ${numbers(seeds.before)}` : "";
      lines.push(`  seeds: ${numbers(seeds.values)}`, `  pinned: {by: ${quoted(data.by)}, at: "${seeds.at}"${before}}`);
    }
    if (pictures.length) lines.push("  pictures:");
    for (const one of pictures) {
      lines.push(`  - sha256: "${one.sha256}"`, `    seed: ${one.seed}`, `    inputs: ${quoted(one.inputs)}`, `    file: ${quoted(one.file)}`, "    said:");
      const reason = one.reason ? `, reason: ${quoted(one.reason)}` : "";
      lines.push(`    - {word: ${one.word}, by: ${quoted(data.by)}, at: "${one.at}"${reason}}`);
    }
  }
  return `${lines.join("\n")}\n`;
}
const ownCount = () => Object.keys(mine.said).length + Object.keys(mine.seeds).length;
function tellExport() {
  const count = ownCount();
  $("take").hidden = !count;
  $("take-count").textContent = count;
}
function rename() {
  const name = $("by").value.trim();
  for (const shot of [...data.shots, ...data.earlier]) for (const one of shot.said) if (one.own) one.by = name;
  for (const entry of data.entries) if (entry.seeds?.own) entry.seeds.by = name;
  data.by = name;
  memory.write("by", name);
  markAll();
}
const openExport = () => { $("by").value = data.by; tellNamed(); $("export").showModal(); };
const tellNamed = () => { for (const button of [$("export-save"), $("export-copy")]) button.disabled = !$("by").value.trim() || !ownCount(); };
$("by").addEventListener("input", tellNamed);
$("take").addEventListener("click", openExport);
$("export-copy").addEventListener("click", () => { rename(); copied(picksYaml(), plural(ownCount(), "decision")); });
$("export-save").addEventListener("click", () => {
  rename();
  const address = URL.createObjectURL(new Blob([picksYaml()], { type: "application/yaml" }));
  made("a", { href: address, download: "picks.yaml" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
  toast(`Wrote ${plural(ownCount(), "decision")} to picks.yaml, where this browser puts what it downloads`);
});
$("export-forget").addEventListener("click", () => {
  Object.assign(mine, { said: {}, seeds: {}, names: {} });
  memory.write("picks", mine);
  $("export").close();
  location.reload();
});
adopt();
tellExport();
