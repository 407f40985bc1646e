// `node speak_jayson.js JAYSON SOCKET CALLS`: jayson's tcp client, unchanged, asks a daemon by the path of its socket.
// It prints one JSON array: what was answered to each call, to a batch of them, and to a notification.
const [, , folder, path, text] = process.argv;
const jayson = require(folder);
const calls = JSON.parse(text);
const client = jayson.Client.tcp({ path });
const notes = jayson.Client.tcp({ path, version: 2 });

const ask = (method, params) =>
  new Promise((resolve, reject) =>
    client.request(method, params, (error, response) => (error ? reject(error) : resolve(response))),
  );
const askAll = (requests) =>
  new Promise((resolve, reject) =>
    client.request(requests, (error, responses) => (error ? reject(error) : resolve(responses))),
  );

(async () => {
  const answers = await Promise.all(calls.map(([method, params]) => ask(method, params)));
  const batch = calls.map(([method, params], i) => ({ jsonrpc: "2.0", method, params, id: `b${i}` }));
  const together = (await askAll(batch)).sort((one, other) => (one.id < other.id ? -1 : 1));
  await new Promise((resolve) => notes.request("ping", [], null, () => resolve()));
  console.log(JSON.stringify([answers, together]));
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
