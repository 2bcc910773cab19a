// The service's API, and what both forms of the page share.

export const $ = (id) => document.getElementById(id);
export const FORMATS = { wav: "WAV", flac: "FLAC", mp3: "MP3", opus: "Opus", aac: "AAC", pcm: "raw PCM, 16-bit" };

export class Refusal extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

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
    const given = prompt(`${told.message.split(";")[0]}. Your key:`);
    if (given) {
      sessionStorage.setItem("key", given.trim());
      return ask(path, options);
    }
  }
  const wait = response.headers.get("retry-after");
  const message = told?.message ?? `The service answered ${response.status}.`;
  throw new Refusal(wait ? `${message} (try again in ${wait} s)` : message, told?.code);
}

/** Float32Arrays of 16-bit samples as they come. */
export async function* pcmBlocks(reader) {
  let odd = new Uint8Array(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const bytes = new Uint8Array(odd.length + value.length);
    bytes.set(odd);
    bytes.set(value, odd.length);
    const count = bytes.length >> 1;
    odd = bytes.slice(2 * count);
    const view = new DataView(bytes.buffer);
    if (count) yield Float32Array.from({ length: count }, (_, i) => view.getInt16(2 * i, true) / 32767);
  }
}

/** One array of several. */
export function joined(blocks) {
  const samples = new Float32Array(blocks.reduce((count, block) => count + block.length, 0));
  blocks.reduce((at, block) => (samples.set(block, at), at + block.length), 0);
  return samples;
}

export function save(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
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
