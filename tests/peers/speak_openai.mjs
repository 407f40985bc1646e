// `node speak_openai.mjs FOLDER ADDRESS TOKEN`: OpenAI's own client for JavaScript, unchanged, asks `kilnmark web`.
// It prints one JSON value: what became of each request.
const [, , folder, baseURL, apiKey] = process.argv;
const { default: OpenAI } = await import(`${folder}/index.mjs`);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 60000 });
const small = { prompt: "a kiln", size: "64x64", steps: 1 };

const refused = async (asked, options) => {
  try {
    await client.images.generate(asked, options);
    return null;
  } catch (error) {
    const { status = null, code = null, param = null } = error;
    return { class: error.constructor.name, status, code, param, loras: error.error?.loras ?? [] };
  }
};

const one = await client.images.generate({ ...small, response_format: "b64_json", loras: [{ path: "oak.safetensors" }] });
const four = await client.images.generate({ ...small, n: 4, seed: 7, response_format: "url" });
const opened = await Promise.all(four.data.map(async ({ url }) => (await fetch(url)).arrayBuffer()));
const unknown = await refused({ ...small, model: "dall-e-3" });
const dead = await refused({ ...small, loras: [{ path: "oak.safetensors" }, { path: "ash.safetensors" }] });
const stranger = await new OpenAI({ baseURL, apiKey: "nobody", maxRetries: 0 }).models.list().then(
  () => null,
  (error) => error.status,
);
const models = (await client.models.list()).data.map(({ id }) => id);
const leaving = new AbortController();
setTimeout(() => leaving.abort(), 500);
const left = await refused({ ...small, prompt: "somebody left", steps: 100 }, { signal: leaving.signal });
console.log(
  JSON.stringify({
    begins: Buffer.from(one.data[0].b64_json, "base64").subarray(1, 4).toString(),
    verdicts: one.kilnmark.renders[0].loras.map(({ verdict }) => verdict),
    seeds: four.kilnmark.renders.map(({ seed }) => seed),
    opened: opened.map((each) => Buffer.from(each).subarray(1, 4).toString()),
    unknown,
    dead: { ...dead, loras: dead?.loras.map(({ name, verdict }) => [name, verdict]) },
    stranger,
    models,
    left: left?.class,
  }),
);
