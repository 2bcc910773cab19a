// Type and hear: a text goes to POST /v1/audio/speech, and is heard while it comes.

import * as link from "./link.js";
import { $, FORMATS, Refusal, ask, fail, save, speech, speechTakes, tell } from "./service.js";
import { Player } from "./sound.js";
import { Track } from "./track.js";
import { Reading } from "./words.js";

let pace = 15; // characters a second: how wide the picture is drawn until the length is known; learnt from every text
let job = null; // {body, player, abort} of the text on show
let track = null;
let reading = null;
let words = {}; // the fields that bring the words' times, where the service has them

/** Show the form, for voices that read text. */
export async function offer(voices) {
  for (const voice of voices) $("speaker").add(new Option(voice.id, voice.id, voice.default, voice.default));
  const path = `v1/vocoders/${encodeURIComponent($("speaker").value)}`;
  const [formats, timed] = await Promise.all([
    ask(path).then(async (response) => (await response.json()).formats, () => Object.keys(FORMATS)),
    speechTakes("timestamps"),
  ]);
  $("said-format").replaceChildren(...formats.map((format) => new Option(FORMATS[format] ?? format, format)));
  if (timed) words = { stream_format: "sse", timestamps: ["word"] };
  track = new Track($("said-track"), "what was said");
  reading = new Reading($("spoken"));
  reading.seek = (place) => track.seek(place);
  track.onmove = (place) => reading.at(place);
}

/** What is asked for, as the API takes it. */
export function request() {
  const voice = $("speaker").value;
  return { model: voice, voice, input: $("text").value, speed: Number($("speed").value), pitch: Number($("pitch").value) };
}

async function say() {
  const sent = performance.now();
  hush();
  const mine = (job = { body: request(), player: new Player(24000), abort: new AbortController() });
  link.keep("say");
  $("said").hidden = false;
  $("said-download").disabled = true;
  $("hush").hidden = false;
  track.clear();
  reading.begin(mine.body.input);
  tell("Thinking of how to say it …");
  try {
    if (!mine.body.input.trim()) throw new Refusal("There is nothing to say yet: type something.");
    await hear(mine, sent);
  } catch (error) {
    mine.player.stop();
    if (error.name !== "AbortError" && mine === job) fail(error);
  } finally {
    if (mine === job) $("hush").hidden = true;
  }
}

async function hear(mine, sent) {
  const response = await speech({ ...mine.body, response_format: "pcm", ...words }, mine.abort.signal);
  const { length } = mine.body.input;
  const seconds = await track.receive(response, mine.player, {
    sent,
    guess: 0.5 + length / pace / mine.body.speed,
    onwords: (more) => reading.add(more),
  });
  if (seconds && length > 20) pace = length / seconds / mine.body.speed;
  $("said-download").disabled = false;
  const audible = await mine.player.end();
  if (mine === job) tell(audible ? "" : "Ready: press play to hear it.");
}

function hush() {
  job?.abort.abort();
  job?.player.stop();
  track.stop();
  $("hush").hidden = true;
}

async function download() {
  const format = $("said-format").value;
  const { body } = job;
  $("said-download").disabled = true;
  try {
    const content = format === "wav" ? track.file : await (await speech({ ...body, response_format: format })).blob();
    save(content, `${body.voice}.${format}`);
  } catch (error) {
    fail(error);
  } finally {
    $("said-download").disabled = false;
  }
}

function stop() {
  if ($("hush").hidden) return;
  hush();
  tell("Stopped.");
}

const count = () => ($("count").textContent = `${[...$("text").value].length} of 4096 characters`);

$("say-form").addEventListener("submit", (event) => {
  event.preventDefault();
  say();
});
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) say();
});
$("text").addEventListener("input", count);
$("hush").addEventListener("click", stop);
document.addEventListener("keydown", (event) => event.key === "Escape" && !$("say").hidden && stop());
$("share").addEventListener("click", () => link.copy("say"));
$("said-download").addEventListener("click", download);
count();
