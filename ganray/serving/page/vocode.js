// Before and after: a recording goes to POST /v1/audio/vocode, and what comes back is heard and drawn while it comes.

import { $, FORMATS, Refusal, ask, fail, save, tell } from "./service.js";
import { Player, Spectrogram, decode, heard, wavFile } from "./sound.js";

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

const vocoders = {}; // name → what GET /v1/vocoders/{name} says
let job = null; // {file, voice, before, upload, after, player, abort} of the recording on show

/** Show the form, for voices that make sound from a recording. */
export async function offer(voices) {
  $("vocode").hidden = false;
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
  const { samples, first, whole } = await heard(response, sent, player, picture, "Playing …");
  picture.end();
  mine.after = wavFile(samples, rate);
  $("after").src = URL.createObjectURL(mine.after);
  $("download").disabled = false;
  const speed = ((seconds * 1000) / whole).toFixed(1);
  const gaps = player.gaps ? `, ${player.gaps} ${player.gaps > 1 ? "gaps" : "gap"} while streaming` : "";
  $("after-facts").textContent = `first sound after ${first.toFixed(0)} ms, all at ${speed}× real time${gaps}`;
  await player.end();
  if (mine === job) tell("Compare the two with the players below.");
}

async function download() {
  const format = $("format").value;
  const button = $("download");
  button.disabled = true;
  try {
    const content = format === "wav" ? job.after : await (await vocode(job, format)).blob();
    save(content, `${job.file.name.replace(/\.[^.]*$/, "")}.${job.voice}.${format}`);
  } catch (error) {
    fail(error);
  } finally {
    button.disabled = false;
  }
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
