// Type and hear: a text goes to POST /v1/audio/speech, and is heard while it comes.

import { $, FORMATS, ask, fail, save, tell } from "./service.js";
import { Player, Spectrogram, heard, wavFile } from "./sound.js";

const CHARACTERS_A_SECOND = 15; // how wide the picture is drawn until the length is known
let job = null; // {body, voice, said, player, abort} of the text on show

/** Show the form, for voices that read text. */
export async function offer(voices) {
  $("say").hidden = false;
  for (const voice of voices) $("speaker").add(new Option(voice.id, voice.id, voice.default, voice.default));
  const { formats } = await (await ask(`v1/vocoders/${encodeURIComponent($("speaker").value)}`)).json();
  $("said-format").replaceChildren(...formats.map((format) => new Option(FORMATS[format] ?? format, format)));
}

const speech = (body, signal) =>
  ask("v1/audio/speech", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal });

async function say() {
  job?.abort.abort();
  job?.player?.stop();
  const voice = $("speaker").value;
  const body = { model: voice, voice, input: $("text").value, speed: Number($("speed").value), pitch: Number($("pitch").value) };
  const mine = (job = { body, voice, abort: new AbortController() });
  $("said").hidden = false;
  $("said-download").disabled = true;
  $("hush").hidden = false;
  tell("Thinking of how to say it …");
  try {
    await hear(mine);
  } catch (error) {
    if (error.name !== "AbortError" && mine === job) fail(error);
  } finally {
    if (mine === job) $("hush").hidden = true;
  }
}

async function hear(mine) {
  const sent = performance.now();
  const response = await speech({ ...mine.body, response_format: "pcm" }, mine.abort.signal);
  const rate = Number(response.headers.get("x-sample-rate"));
  const player = (mine.player = new Player(rate));
  const guess = 0.5 + mine.body.input.length / CHARACTERS_A_SECOND / mine.body.speed;
  let picture = new Spectrogram($("said-picture"), guess, rate);
  const { samples, first, whole } = await heard(response, sent, player, picture, "Speaking …");
  const seconds = samples.length / rate;
  picture = new Spectrogram($("said-picture"), seconds, rate);
  picture.append(samples);
  picture.end();
  mine.said = wavFile(samples, rate);
  $("said-sound").src = URL.createObjectURL(mine.said);
  $("said-download").disabled = false;
  const speed = ((seconds * 1000) / whole).toFixed(1);
  $("said-facts").textContent = `first sound after ${first.toFixed(0)} ms, ${seconds.toFixed(1)} s at ${speed}× real time`;
  await player.end();
  if (mine === job) tell("");
}

async function download() {
  const format = $("said-format").value;
  $("said-download").disabled = true;
  try {
    const content = format === "wav" ? job.said : await (await speech({ ...job.body, response_format: format })).blob();
    save(content, `${job.voice}.${format}`);
  } catch (error) {
    fail(error);
  } finally {
    $("said-download").disabled = false;
  }
}

$("say-form").addEventListener("submit", (event) => {
  event.preventDefault();
  say();
});
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) say();
});
$("hush").addEventListener("click", () => {
  job?.abort.abort();
  job?.player?.stop();
  $("hush").hidden = true;
  tell("Stopped.");
});
for (const [id, unit] of [["speed", "×"], ["pitch", " semitones"]]) {
  const show = () => ($(`${id}-value`).textContent = `${$(id).value}${unit}`);
  $(id).addEventListener("input", show);
  show();
}
$("said-download").addEventListener("click", download);
