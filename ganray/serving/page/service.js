// The service's API, and what every part of the page shares.

export const $ = (id) => document.getElementById(id);
export const FORMATS = { wav: "WAV", flac: "FLAC", mp3: "MP3", opus: "Opus", aac: "AAC", pcm: "raw PCM, 16-bit" };

/** What a person can mend, in words for them; `retryAfter`: the seconds after which it may go well. */
export class Refusal extends Error {
  constructor(message, code, retryAfter = null) {
    super(message);
    [this.code, this.retryAfter] = [code, retryAfter];
  }
}

/** A response that is a success, after asking for a key where one is wanted. */
export async function ask(path, options = {}) {
  let response;
  const key = sessionStorage.getItem("key");
  const headers = key ? { ...options.headers, authorization: `Bearer ${key}` } : options.headers;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("The service does not answer. It may have ended, or the network is down.", "unreachable");
  }
  if (response.ok) return response;
  const told = await response.json().then((body) => body.error, () => null);
  if (told?.code === "invalid_api_key") {
    const given = await keyFrom(key ? "The one given is not known, or no longer." : "Whoever runs it gives them out.");
    if (!given) throw new Refusal("Nothing works here without a key: load the page again to give one.", told.code);
    sessionStorage.setItem("key", given);
    return ask(path, options);
  }
  const wait = Number(response.headers.get("retry-after"));
  const message = told?.message ?? `The service answered ${response.status}.`;
  throw new Refusal(wait ? `${message} (try again in ${wait} s)` : message, told?.code, wait || null);
}

let asking = null; // several requests wait for one answer

/** The key that a person types; null: none. */
function keyFrom(why) {
  const dialog = $("key-dialog");
  asking ??= new Promise((resolve) => {
    $("key-why").textContent = why;
    $("key").value = "";
    dialog.returnValue = "";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "use" ? $("key").value.trim() : null), { once: true });
    dialog.showModal();
  }).finally(() => (asking = null));
  return asking;
}

/** Bytes as they come; a connection that breaks is told in words. */
async function* bytesOf(response) {
  const reader = response.body.getReader();
  for (;;) {
    let part;
    try {
      part = await reader.read();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw brokenOff();
    }
    if (part.done) return;
    yield part.value;
  }
}

const brokenOff = () => new Refusal("The sound broke off: the service ended it before it was whole. Try again.", "cut");

/** What a response of 16-bit samples holds, as it comes: {samples: Float32Array}, and {words} where it is events. */
export async function* soundOf(response) {
  let odd = new Uint8Array(0);
  const samplesOf = (content) => {
    const bytes = new Uint8Array(odd.length + content.length);
    bytes.set(odd);
    bytes.set(content, odd.length);
    const count = bytes.length >> 1;
    odd = bytes.slice(2 * count);
    const view = new DataView(bytes.buffer);
    return Float32Array.from({ length: count }, (_, i) => view.getInt16(2 * i, true) / 32767);
  };
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
    for await (const content of bytesOf(response)) yield { samples: samplesOf(content) };
    return;
  }
  for await (const event of events(response)) {
    if (event.type === "speech.audio.done") return;
    if (event.type === "speech.audio.error") throw new Refusal(`The sound broke off: ${event.error.message}.`, event.error.code);
    if (event.type === "speech.audio.words") yield { words: event.words };
    if (event.type === "speech.audio.delta") {
      yield { samples: samplesOf(Uint8Array.from(atob(event.audio), (letter) => letter.charCodeAt(0))) };
    }
  }
  throw brokenOff();
}

/** The documents of server-sent events. */
async function* events(response) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const content of bytesOf(response)) {
    rest += decoder.decode(content, { stream: true });
    const whole = rest.split(/\r?\n\r?\n/);
    rest = whole.pop();
    for (const event of whole) {
      const data = event.split(/\r?\n/).filter((line) => line.startsWith("data:"));
      if (data.length) yield JSON.parse(data.map((line) => line.slice(5)).join("\n"));
    }
  }
}

let schema = null;

/** Whether POST /v1/audio/speech knows a field. */
export async function speechTakes(field) {
  schema ??= ask("openapi.json").then((response) => response.json(), () => ({}));
  const document = await schema;
  let body = document.paths?.["/v1/audio/speech"]?.post?.requestBody?.content?.["application/json"]?.schema;
  if (body?.$ref) body = body.$ref.slice(2).split("/").reduce((at, name) => at?.[name], document);
  return field in (body?.properties ?? {});
}

export const speech = (body, signal) =>
  ask("v1/audio/speech", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal });

export function save(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  tell(`${name} is in your downloads.`);
}

export function tell(text) {
  $("error").hidden = true;
  $("status").textContent = text;
}

export function fail(error) {
  $("status").textContent = "";
  $("error").textContent = error instanceof Refusal ? error.message : `Something went wrong on this page: ${error}`;
  $("error").hidden = false;
}
