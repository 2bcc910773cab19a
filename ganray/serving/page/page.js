// Before and after: a recording goes to POST /v1/audio/vocode, and what comes back is heard and drawn while it comes.

const $ = (id) => document.getElementById(id);
const FORMATS = { wav: "WAV", flac: "FLAC", mp3: "MP3", opus: "Opus", aac: "AAC", pcm: "raw PCM, 16-bit" };

// ---- A spectrogram, drawn as the samples arrive -------------------------------------------------------------------

const FFT = 1024;
const ROWS = 128;
const LOUDEST_DB = -15;
const QUIETEST_DB = -95;
const WINDOW = Float32Array.from({ length: FFT }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / FFT));
const COLOURS = [[0, 0, 4], [66, 10, 104], [147, 38, 103], [221, 81, 58], [252, 165, 10], [252, 255, 164]];

class Spectrogram {
  /** `seconds` of sound at `rate` Hz fill the width of `canvas`. */
  constructor(canvas, seconds, rate) {
    this.canvas = canvas;
    canvas.width = 640;
    canvas.height = ROWS;
    this.context = canvas.getContext("2d");
    this.context.clearRect(0, 0, canvas.width, ROWS);
    this.samplesPerColumn = Math.max(1, (seconds * rate) / canvas.width);
    this.samples = new Float32Array(Math.ceil(seconds * rate) + FFT); // half a window of silence on each side
    this.length = FFT / 2;
    this.column = 0;
    const mel = (hz) => 1127 * Math.log(1 + hz / 700);
    const top = mel(Math.min(rate / 2, 12000));
    this.edges = Array.from({ length: ROWS + 1 }, (_, row) => {
      const hz = 700 * (Math.exp((row / ROWS) * top / 1127) - 1);
      return Math.min(FFT / 2, (hz / rate) * FFT);
    });
  }

  append(samples) {
    const part = samples.subarray(0, Math.max(0, this.samples.length - this.length));
    this.samples.set(part, this.length);
    this.length += part.length;
    this.draw(this.length);
  }

  end() {
    this.draw(this.samples.length);
  }

  draw(available) {
    for (; this.column < this.canvas.width; this.column++) {
      const start = Math.round(this.column * this.samplesPerColumn);
      if (start + FFT > available) return;
      const power = powerSpectrum(this.samples.subarray(start, start + FFT));
      const image = this.context.createImageData(1, ROWS);
      for (let row = 0; row < ROWS; row++) {
        const low = Math.floor(this.edges[row]);
        const high = Math.max(low + 1, Math.floor(this.edges[row + 1]));
        let loudest = 0;
        for (let bin = low; bin < high; bin++) loudest = Math.max(loudest, power[bin]);
        const db = 10 * Math.log10(loudest + 1e-12);
        const [r, g, b] = colour((db - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB));
        image.data.set([r, g, b, 255], 4 * (ROWS - 1 - row));
      }
      this.context.putImageData(image, this.column, 0);
    }
  }
}

function colour(value) {
  const place = Math.min(0.9999, Math.max(0, value)) * (COLOURS.length - 1);
  const from = COLOURS[Math.floor(place)];
  const to = COLOURS[Math.floor(place) + 1];
  return from.map((channel, i) => channel + (to[i] - channel) * (place % 1));
}

/** Power of a Hann-windowed frame; a full-scale sine has 1 (0 dB) in its bin. */
function powerSpectrum(frame) {
  const re = new Float32Array(FFT);
  const im = new Float32Array(FFT);
  for (let i = 0; i < FFT; i++) re[reversed(i)] = frame[i] * WINDOW[i];
  for (let size = 2; size <= FFT; size *= 2) {
    const half = size / 2;
    for (let k = 0; k < half; k++) {
      const cos = Math.cos((2 * Math.PI * k) / size);
      const sin = -Math.sin((2 * Math.PI * k) / size);
      for (let i = k; i < FFT; i += size) {
        const j = i + half;
        const r = re[j] * cos - im[j] * sin;
        const m = re[j] * sin + im[j] * cos;
        re[j] = re[i] - r;
        im[j] = im[i] - m;
        re[i] += r;
        im[i] += m;
      }
    }
  }
  const scale = (4 / FFT) ** 2;
  return Float32Array.from({ length: FFT / 2 + 1 }, (_, i) => (re[i] * re[i] + im[i] * im[i]) * scale);
}

function reversed(index) {
  let result = 0;
  for (let bit = 1; bit < FFT; bit *= 2) result = result * 2 + ((index & bit) !== 0 ? 1 : 0);
  return result;
}

// ---- Sound --------------------------------------------------------------------------------------------------------

/** Plays blocks one after the other as they come. A context at the sound's own rate needs no resampling at the seams. */
class Player {
  constructor(rate) {
    this.rate = rate;
    this.context = new AudioContext({ sampleRate: rate });
    this.next = 0;
    this.gaps = 0;
  }

  play(samples) {
    const now = this.context.currentTime;
    if (this.next < now + 0.01) {
      if (this.next > 0) this.gaps++;
      this.next = now + 0.06;
    }
    const buffer = this.context.createBuffer(1, samples.length, this.rate);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(this.context.destination);
    source.start(this.next);
    this.next += buffer.duration;
  }

  /** Resolves when the last block has been heard. */
  async end() {
    while (this.context.state === "running" && this.context.currentTime < this.next) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    this.stop();
  }

  stop() {
    if (this.context.state !== "closed") this.context.close();
  }
}

function wavFile(samples, rate) {
  const bytes = 2 * samples.length;
  const view = new DataView(new ArrayBuffer(44 + bytes));
  const text = (at, word) => [...word].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  text(8, "WAVEfmt ");
  text(36, "data");
  for (const [at, value] of [[4, 36 + bytes], [16, 16], [24, rate], [28, 2 * rate], [40, bytes]]) view.setUint32(at, value, true);
  for (const [at, value] of [[20, 1], [22, 1], [32, 2], [34, 16]]) view.setUint16(at, value, true); // PCM, mono, 16-bit
  const clipped = (sample) => Math.round(Math.max(-1, Math.min(1, sample)) * 32767);
  samples.forEach((sample, i) => view.setInt16(44 + 2 * i, clipped(sample), true));
  return new Blob([view], { type: "audio/wav" });
}

/** A recording as the browser reads it: {samples, rate}, channels mixed; null if it can't. */
async function decode(file) {
  const context = new AudioContext();
  try {
    const buffer = await context.decodeAudioData(await file.arrayBuffer());
    const samples = new Float32Array(buffer.length);
    for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
      buffer.getChannelData(channel).forEach((value, i) => (samples[i] += value / buffer.numberOfChannels));
    }
    return { samples, rate: buffer.sampleRate };
  } catch {
    return null;
  } finally {
    context.close();
  }
}

// ---- The service --------------------------------------------------------------------------------------------------

class Refusal extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("The service does not answer. It may have ended, or the network is down.", "unreachable");
  }
  if (response.ok) return response;
  const told = await response.json().then((body) => body.error, () => null);
  const wait = response.headers.get("retry-after");
  const message = told?.message ?? `The service answered ${response.status}.`;
  throw new Refusal(wait ? `${message} (try again in ${wait} s)` : message, told?.code);
}

/** The response of one vocoding. A recording that only the browser can read (m4a) is sent once more, as wav. */
async function vocode(job, format, signal) {
  const form = (file) => {
    const data = new FormData();
    data.append("file", file, job.file.name);
    data.append("model", job.voice);
    data.append("response_format", format);
    if (job.file.name.endsWith(".npy")) data.append("audio_contract", JSON.stringify(vocoders[job.voice].audio));
    return { method: "POST", body: data, signal };
  };
  try {
    return await ask("v1/audio/vocode", form(job.upload ?? job.file));
  } catch (error) {
    if (error.code !== "unreadable_audio" || job.upload || !job.before) throw error;
    job.upload = wavFile(job.before.samples, job.before.rate);
    return ask("v1/audio/vocode", form(job.upload));
  }
}

// ---- The page -----------------------------------------------------------------------------------------------------

const vocoders = {}; // name → what GET /v1/vocoders/{name} says
let job = null; // {file, voice, before, upload, after, player, abort} of the recording on show

async function begin() {
  $("command").textContent = `curl -F file=@in.wav ${new URL("v1/audio/vocode", location.href)} -o out.wav`;
  const { data } = await (await ask("v1/models")).json();
  const voices = data.filter((model) => model.kind === "mel");
  if (!voices.length) throw new Refusal("This service has no voice that makes sound from a recording.");
  for (const voice of voices) {
    vocoders[voice.id] = await (await ask(`v1/vocoders/${encodeURIComponent(voice.id)}`)).json();
    $("voice").add(new Option(voice.id, voice.id, voice.default, voice.default));
  }
  showLimits();
  $("file").disabled = false;
}

function showLimits() {
  const { formats, max_seconds: seconds, max_upload_bytes: bytes } = vocoders[$("voice").value];
  $("limits").textContent = `wav, flac, mp3, ogg … up to ${seconds} s and ${(bytes / 2 ** 20).toFixed(0)} MiB`;
  $("format").replaceChildren(...formats.map((format) => new Option(FORMATS[format] ?? format, format)));
}

async function take(file) {
  job?.abort.abort();
  job?.player?.stop();
  const mine = (job = { file, voice: $("voice").value, before: null, abort: new AbortController() });
  tell(`Reading ${file.name} …`);
  $("pair").hidden = false;
  $("download").disabled = true;
  $("stop").hidden = false;
  $("after").removeAttribute("src");
  $("after-facts").textContent = "";
  new Spectrogram($("after-picture"), 1, 24000).end();
  try {
    const limit = vocoders[mine.voice].max_upload_bytes;
    if (file.size > limit) {
      const size = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
      throw new Refusal(`${file.name} has ${size(file.size)}; the service takes up to ${size(limit)}.`);
    }
    await showBefore(mine);
    if (mine === job) await showAfter(mine);
  } catch (error) {
    if (error.name !== "AbortError" && mine === job) fail(error);
  } finally {
    if (mine === job) {
      $("stop").hidden = true;
      $("again").disabled = false;
    }
  }
}

async function showBefore(mine) {
  const isMel = mine.file.name.endsWith(".npy");
  $("before").src = isMel ? "" : URL.createObjectURL(mine.file);
  $("before").hidden = isMel;
  mine.before = isMel ? null : await decode(mine.file);
  if (mine.before) {
    const { samples, rate } = mine.before;
    const picture = new Spectrogram($("before-picture"), samples.length / rate, rate);
    picture.append(samples);
    picture.end();
    $("before-facts").textContent = `${(samples.length / rate).toFixed(1)} s at ${rate} Hz`;
  } else {
    new Spectrogram($("before-picture"), 1, 24000).end();
    $("before-facts").textContent = isMel
      ? "A mel has no sound yet. It is taken as made with this voice's audio contract."
      : "This browser cannot read the file; the service may.";
  }
}

async function showAfter(mine) {
  tell("Making it anew …");
  const sent = performance.now();
  const response = await vocode(mine, "pcm", mine.abort.signal);
  const rate = Number(response.headers.get("x-sample-rate"));
  const seconds = Number(response.headers.get("x-audio-seconds"));
  const player = (mine.player = new Player(rate));
  const picture = new Spectrogram($("after-picture"), seconds, rate);
  const blocks = [];
  let first = 0;
  for await (const samples of pcmBlocks(response.body.getReader())) {
    first ||= performance.now() - sent;
    blocks.push(samples);
    player.play(samples);
    picture.append(samples);
    tell(player.context.state === "running" ? "Playing …" : "Ready. Press play to hear it.");
  }
  const whole = performance.now() - sent;
  picture.end();
  const samples = new Float32Array(blocks.reduce((count, block) => count + block.length, 0));
  blocks.reduce((at, block) => (samples.set(block, at), at + block.length), 0);
  mine.after = wavFile(samples, rate);
  $("after").src = URL.createObjectURL(mine.after);
  $("download").disabled = false;
  const speed = ((seconds * 1000) / whole).toFixed(1);
  const gaps = player.gaps ? `, ${player.gaps} ${player.gaps > 1 ? "gaps" : "gap"} while streaming` : "";
  $("after-facts").textContent = `first sound after ${first.toFixed(0)} ms, all at ${speed}× real time${gaps}`;
  await player.end();
  if (mine === job) tell("Compare the two with the players below.");
}

async function* pcmBlocks(reader) {
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

async function download() {
  const format = $("format").value;
  const button = $("download");
  button.disabled = true;
  try {
    const content = format === "wav" ? job.after : await (await vocode(job, format)).blob();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(content);
    link.download = `${job.file.name.replace(/\.[^.]*$/, "")}.${job.voice}.${format}`;
    link.click();
    tell(`${link.download} is in your downloads.`);
  } catch (error) {
    fail(error);
  } finally {
    button.disabled = false;
  }
}

function tell(text) {
  $("error").hidden = true;
  $("status").textContent = text;
}

function fail(error) {
  $("status").textContent = "";
  $("error").textContent = error instanceof Refusal ? error.message : `Something went wrong on this page: ${error}`;
  $("error").hidden = false;
}

$("file").addEventListener("change", () => {
  if ($("file").files.length) take($("file").files[0]);
  $("file").value = ""; // the same file may be chosen again
});
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (job) take(job.file);
});
$("stop").addEventListener("click", () => {
  job?.abort.abort();
  job?.player?.stop();
  $("stop").hidden = true;
  tell("Stopped.");
});
$("voice").addEventListener("change", showLimits);
$("download").addEventListener("click", download);
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.remove("over");
  });
}
document.addEventListener("drop", (event) => {
  if (event.dataTransfer.files.length && !$("file").disabled) take(event.dataTransfer.files[0]);
});
for (const [one, other] of [["before", "after"], ["after", "before"]]) {
  $(one).addEventListener("play", () => $(other).pause());
}
begin().catch(fail);
