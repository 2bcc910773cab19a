// Before and after: a recording goes to POST /v1/audio/vocode, and what comes back is heard and drawn while it comes.

import * as link from "./link.js";
import { $, FORMATS, Refusal, ask, fail, save, tell } from "./service.js";
import { Player, decode, wavFile } from "./sound.js";
import { Track } from "./track.js";

const vocoders = {}; // name → what GET /v1/vocoders/{name} says
let job = null; // {file, voice, recording, upload, player, abort} of the recording on show
let before = null;
let after = null;

/** Show the form, for voices that make sound from a recording. */
export async function offer(voices) {
  for (const voice of voices) {
    vocoders[voice.id] = await (await ask(`v1/vocoders/${encodeURIComponent(voice.id)}`)).json();
    $("voice").add(new Option(voice.id, voice.id, voice.default, voice.default));
  }
  before = new Track($("before"), "the recording");
  after = new Track($("after"), "what the voice made");
  showLimits();
  $("file").disabled = false;
}

function showLimits() {
  const { formats, max_seconds: seconds, max_upload_bytes: bytes } = vocoders[$("voice").value];
  $("limits").textContent = `wav, flac, mp3, ogg … up to ${seconds} s and ${(bytes / 2 ** 20).toFixed(0)} MiB`;
  $("format").replaceChildren(...formats.map((format) => new Option(FORMATS[format] ?? format, format)));
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
    if (error.code !== "unreadable_audio" || job.upload || !job.recording) throw error;
    job.upload = wavFile(job.recording.samples, job.recording.rate);
    return ask("v1/audio/vocode", form(job.upload));
  }
}

/** Make a recording anew. */
export async function take(file) {
  const sent = performance.now();
  job?.abort.abort();
  job?.player.stop();
  const voice = $("voice").value;
  const { audio, max_upload_bytes: limit } = vocoders[voice];
  const mine = (job = { file, voice, recording: null, player: new Player(audio.sample_rate), abort: new AbortController() });
  link.keep("vocode");
  tell(`Reading ${file.name} …`);
  $("pair").hidden = false;
  $("download").disabled = true;
  $("stop").hidden = false;
  before.clear();
  after.clear();
  try {
    if (file.size > limit) {
      const size = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
      throw new Refusal(`${file.name} has ${size(file.size)}; the service takes up to ${size(limit)}.`);
    }
    await showBefore(mine);
    if (mine === job) await makeAfter(mine, sent);
  } catch (error) {
    mine.player.stop();
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
  mine.recording = isMel ? null : await decode(mine.file);
  if (mine !== job) return;
  const { samples, rate } = mine.recording ?? {};
  before.load(isMel ? null : mine.file, samples, rate);
  if (samples) before.tell({ Length: `${(samples.length / rate).toFixed(1)} s`, File: mine.file.name });
  else if (isMel) before.tell({ Mel: "has no sound yet; taken as made with this voice's audio contract" });
  else before.tell({ Recording: "this browser cannot read it; the service may" });
}

async function makeAfter(mine, sent) {
  tell("Making it anew …");
  const response = await vocode(mine, "pcm", mine.abort.signal);
  await after.receive(response, mine.player, { sent, guess: Number(response.headers.get("x-audio-seconds")) || 5 });
  $("download").disabled = false;
  const audible = await mine.player.end();
  if (mine === job) tell(audible ? "Compare the two with the players below." : "Ready: press play to hear it.");
}

async function download() {
  const format = $("format").value;
  $("download").disabled = true;
  try {
    const content = format === "wav" ? after.file : await (await vocode(job, format)).blob();
    save(content, `${job.file.name.replace(/\.[^.]*$/, "")}.${job.voice}.${format}`);
  } catch (error) {
    fail(error);
  } finally {
    $("download").disabled = false;
  }
}

function stop() {
  if ($("stop").hidden) return;
  job.abort.abort();
  job.player.stop();
  $("stop").hidden = true;
  tell("Stopped.");
}

$("file").addEventListener("change", () => {
  if ($("file").files.length) take($("file").files[0]);
  $("file").value = ""; // the same file may be chosen again
});
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (job) take(job.file);
});
$("stop").addEventListener("click", stop);
document.addEventListener("keydown", (event) => event.key === "Escape" && !$("vocode").hidden && stop());
$("voice").addEventListener("change", showLimits);
$("download").addEventListener("click", download);
