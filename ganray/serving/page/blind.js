// The blind test: two voices say the same in an order nobody knows; votes are counted, names come at the end.

import * as link from "./link.js";
import { $, Refusal, fail, save, soundOf, speech, tell } from "./service.js";
import { joined } from "./sound.js";
import { orders, tally } from "./tally.js";

const SIDES = ["one", "other"];
let test = null; // {candidates, sentences, order, trials, clips, context, started} of the test that runs
let round = null; // {clips: {a, b}, plays: {a, b}, sentence, oneIsA, began} of the round that is being heard
let source = null; // what is heard now
let stuck = false; // a round could not begin

/** Fill the form, for voices that read text. */
export function offer(voices) {
  for (const side of SIDES) {
    for (const voice of voices) $(`${side}-voice`).add(new Option(voice.id, voice.id, voice.default, voice.default));
  }
  const another = voices.find((voice) => voice.id !== $("one-voice").value);
  if (another) $("other-voice").value = another.id;
  else $("other-pitch").value = 2;
  $("other-pitch").dispatchEvent(new Event("input"));
  for (const voice of voices) digests[voice.id] = voice.digest;
}

const digests = {};
const candidate = (side) => ({
  voice: $(`${side}-voice`).value,
  digest: digests[$(`${side}-voice`).value],
  speed: Number($(`${side}-speed`).value),
  pitch: Number($(`${side}-pitch`).value),
});

/** What tells a candidate from the other one. */
function named(side) {
  const { voice, speed, pitch } = test.candidates[side];
  const manner = [speed !== 1 && `speed ${speed}×`, pitch !== 0 && `pitch ${pitch > 0 ? "+" : ""}${pitch}`].filter(Boolean);
  return [voice, ...manner].join(", ");
}

function begin() {
  const candidates = Object.fromEntries(SIDES.map((side) => [side, candidate(side)]));
  if (JSON.stringify(candidates.one) === JSON.stringify(candidates.other)) {
    throw new Refusal("Both are the same: choose another voice, speed or pitch for one of them.");
  }
  const sentences = $("sentences").value.split("\n").map((line) => line.trim()).filter(Boolean);
  if (!sentences.length) throw new Refusal("There is nothing to say yet: give a sentence.");
  link.keep("blind");
  const level = $("level").checked;
  const order = orders(Number($("rounds").value));
  test = { candidates, sentences, order, level, trials: [], clips: new Map(), context: new AudioContext(), started: new Date() };
  show("trial");
  $("trial-done").max = order.length;
  return next();
}

/** One part of this view: the form, a round, or who it was. */
function show(part) {
  for (const id of ["blind-form", "trial", "tally"]) $(id).hidden = id !== part;
  $(part).focus();
}

async function next() {
  stuck = false;
  try {
    await nextRound();
  } catch (error) {
    stuck = test.trials.length > 0; // the votes are kept
    throw stuck ? new Refusal(`${error.message} Hear A tries again.`) : error;
  }
}

async function nextRound() {
  const mine = test;
  const number = mine.trials.length;
  if (number === mine.order.length) return finish();
  const sentence = mine.sentences[number % mine.sentences.length];
  round = null;
  $("trial-title").textContent = `Round ${number + 1} of ${mine.order.length}`;
  $("trial-done").value = number;
  $("trial-text").textContent = sentence;
  ready();
  $("trial").focus();
  tell("Getting both …");
  const [one, other] = await pair(sentence); // both before either can be heard: what takes longer tells nothing
  if (mine !== test || mine.trials.length !== number) return;
  const oneIsA = mine.order[number];
  round = { sentence, oneIsA, clips: oneIsA ? { a: one, b: other } : { a: other, b: one }, plays: { a: 0, b: 0 }, began: performance.now() };
  ready();
  tell(`Round ${number + 1} of ${mine.order.length}: hear A and B.`);
  const coming = mine.sentences[(number + 1) % mine.sentences.length];
  if (number + 1 < mine.order.length) pair(coming).catch(() => {}); // told when it is its turn
}

/** Both candidates' clips of a sentence, equally loud where that is wanted. */
function pair(sentence) {
  const { clips, candidates, level, context } = test;
  if (!clips.has(sentence)) {
    const both = spokenByBoth(candidates, sentence).then((pair) => {
      const loudness = pair.map(({ samples }) => Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length));
      const goal = Math.min(...loudness); // the louder is turned down: nothing clips
      return pair.map(({ samples, rate }, i) => {
        const gain = level && loudness[i] > 0 ? goal / loudness[i] : 1;
        const buffer = context.createBuffer(1, samples.length, rate);
        buffer.copyToChannel(samples.map((value) => value * gain), 0);
        return buffer;
      });
    });
    both.catch(() => clips.delete(sentence)); // asked for again next time
    clips.set(sentence, both);
  }
  return clips.get(sentence);
}

/** One after the other: who listens is in no hurry, and others may be. */
async function spokenByBoth(candidates, sentence) {
  const pair = [];
  for (const side of SIDES) pair.push(await patiently(() => spoken(candidates[side], sentence)));
  return pair;
}

/** A service that is busy is asked again when it says. */
async function patiently(ask, times = 5) {
  try {
    return await ask();
  } catch (error) {
    if (!error.retryAfter || !times) throw error;
    await new Promise((resolve) => setTimeout(resolve, 1000 * error.retryAfter));
    return patiently(ask, times - 1);
  }
}

async function spoken({ voice, speed, pitch }, input) {
  const response = await speech({ model: voice, voice, input, speed, pitch, response_format: "pcm" });
  const blocks = [];
  for await (const { samples } of soundOf(response)) blocks.push(samples);
  return { samples: joined(blocks), rate: Number(response.headers.get("x-sample-rate")) || 24000 };
}

function hear(letter) {
  if (stuck) attempt(next);
  if (!round) return;
  silence();
  test.context.resume();
  source = new AudioBufferSourceNode(test.context, { buffer: round.clips[letter] });
  source.connect(test.context.destination);
  $(`hear-${letter}`).classList.add("heard");
  source.onended = silence;
  source.start();
  round.plays[letter]++;
  ready();
}

export function silence() {
  for (const letter of ["a", "b"]) $(`hear-${letter}`).classList.remove("heard");
  if (!source) return;
  source.onended = null;
  source.stop();
  source = null;
}

/** Buttons that do nothing yet say so, and keep the focus. */
function ready() {
  const may = (ids, is) => ids.forEach((id) => $(id).setAttribute("aria-disabled", String(!is)));
  may(["hear-a", "hear-b"], round);
  may(["vote-a", "vote-equal", "vote-b"], round?.plays.a && round.plays.b);
}

function vote(letter) {
  if (!round) return;
  const { sentence, oneIsA, plays, began } = round;
  if (!plays.a || !plays.b) {
    tell("Hear both first.");
    return;
  }
  silence();
  const [a, b] = oneIsA ? SIDES : [...SIDES].reverse();
  const preferred = { a, b, equal: "equal" }[letter];
  test.trials.push({ sentence, a, b, vote: letter, preferred, plays, seconds: Math.round((performance.now() - began) / 100) / 10 });
  next().catch(fail);
}

function finish() {
  silence();
  round = null;
  test.context.close();
  const votes = tally(test.trials.map((trial) => trial.preferred));
  const who = { one: named("one"), other: named("other"), equal: "no difference" };
  const percent = (value) => `${Math.round(100 * value)} %`;
  const row = (...cells) => {
    const line = document.createElement("tr");
    cells.forEach((text, i) => {
      const cell = line.appendChild(document.createElement(i ? "td" : "th"));
      if (!i) cell.scope = "row";
      cell.textContent = text;
    });
    return line;
  };
  const all = test.trials.length;
  $("counts").replaceChildren(...Object.keys(who).map((name) => row(who[name], votes[name], all ? percent(votes[name] / all) : "–")));
  $("rounds-told").replaceChildren(...test.trials.map((trial, i) => row(i + 1, who[trial.a], who[trial.b], who[trial.preferred])));
  ["one", "equal", "other"].forEach((name, i) => ($("bar").children[i].style.flexGrow = votes[name]));
  $("bar").hidden = !all;
  $("verdict").textContent = verdict(votes, who);
  $("statistics").textContent = statistics(votes, who, percent);
  test.tally = votes;
  tell("");
  show("tally");
}

function verdict(votes, who) {
  if (!votes.decided) return "Neither was preferred in any round.";
  if (votes.one === votes.other) return "Each was preferred as often as the other.";
  const better = votes.one > votes.other ? "one" : "other";
  const times = `${who[better]} was preferred in ${votes[better]} of the ${votes.decided} rounds where a difference was heard. `;
  return times + (votes.p_value < 0.05 ? "That is more than chance would explain." : "Chance alone may explain that: more rounds would tell.");
}

function statistics(votes, who, percent) {
  if (!votes.decided) return "";
  const { p_value: p, share, low, high } = votes;
  const early = test.trials.length < test.order.length;
  return [
    `Exact sign test, two-sided, ties left out: p = ${p < 0.001 ? p.toExponential(1) : p.toFixed(3)}.`,
    `Share that prefers ${who.one}: ${percent(share)}, 95 % interval ${percent(low)} to ${percent(high)}.`,
    early ? `Ended after ${test.trials.length} of ${test.order.length} rounds: where one stops because of what one hears, p is too small.` : "",
  ].join(" ");
}

/** The whole test as a document. */
function report() {
  const { candidates, level, order, trials, started, tally: votes } = test;
  return {
    schema_version: 1,
    service: new URL(".", location.href).href,
    started: started.toISOString(),
    candidates,
    equally_loud: level,
    rounds_planned: order.length,
    trials,
    tally: votes,
  };
}

const attempt = async (doing) => {
  try {
    await doing();
  } catch (error) {
    fail(error);
  }
};

$("blind-form").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    try {
      await begin();
    } catch (error) {
      show("blind-form");
      throw error;
    }
  });
});
$("blind-share").addEventListener("click", () => link.copy("blind"));
$("trial-end").addEventListener("click", finish);
$("tally-again").addEventListener("click", () => show("blind-form"));
$("tally-save").addEventListener("click", () => {
  save(new Blob([JSON.stringify(report(), null, 2)], { type: "application/json" }), "blind-test.json");
});
for (const letter of ["a", "b"]) $(`hear-${letter}`).addEventListener("click", () => hear(letter));
for (const letter of ["a", "equal", "b"]) $(`vote-${letter}`).addEventListener("click", () => vote(letter));

// Keys count while a round has the focus, or nothing has: they never get in the way of typing.
const KEYS = {
  a: () => hear("a"),
  b: () => hear("b"),
  ArrowLeft: () => vote("a"),
  ArrowRight: () => vote("b"),
  "=": () => vote("equal"),
  Escape: silence,
};
document.addEventListener("keydown", (event) => {
  const here = $("trial").contains(event.target) || event.target === document.body;
  if ($("trial").hidden || $("blind").hidden || !here || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (!(key in KEYS)) return;
  event.preventDefault();
  KEYS[key]();
});
