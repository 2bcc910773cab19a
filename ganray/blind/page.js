"use strict";
const $ = (id) => document.getElementById(id);
const test = JSON.parse($("test").textContent);
const HOW = {
  ab: "Each round has two sounds that say the same. Hear both, and say which you would rather listen to.",
  abx: "Each round has two sounds, A and B, and X, which is one of them. Hear all, and say which one X is.",
  mushra: "Each round has a reference and several sounds. Rate each from 0 (bad) to 100 (just like the reference). One of them is the reference itself: rate it 100.",
};
$("how").textContent = HOW[test.type];
/** Whether the page comes from a service that keeps answers, and not from a file or somebody's web space. */
const KEPT = location.protocol.startsWith("http") && location.pathname.endsWith(`/listen/${test.test}`);
if (KEPT) $("where").textContent = "At the end your answers, and nothing else, are sent to where the page came from.";

const shuffled = (list) => {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = crypto.getRandomValues(new Uint32Array(1))[0] % (i + 1);
    [copy[i], copy[j]] = [copy[j], copy[i]];
  }
  return copy;
};
const result = {
  schema_version: 1,
  kind: "listening-result",
  test: test.test,
  type: test.type,
  listener: Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join(""),
  started: null,
  trials: [],
};
const rounds = shuffled(test.trials);
let round = null; // {trial, order, x, plays, ratings, began}
let player = null;

function silence() {
  if (!player) return;
  player.audio.pause();
  player.button.classList.remove("playing");
  player = null;
}

function play(button, id, name) {
  const same = player && player.button === button;
  silence();
  if (same) return;
  const audio = new Audio(test.sounds[id]);
  player = { audio, button };
  button.classList.add("playing");
  audio.onended = silence;
  audio.play();
  round.plays[name] = (round.plays[name] || 0) + 1;
  ready();
}

const button = (label, action, id) => {
  const made = document.createElement("button");
  made.textContent = label;
  if (id) made.id = id;
  made.addEventListener("click", () => action(made));
  return made;
};

function next() {
  silence();
  const number = result.trials.length;
  if (number === rounds.length) return end();
  const trial = rounds[number];
  const order = shuffled(trial.sounds);
  round = { trial, order, plays: {}, ratings: {}, began: performance.now() };
  $("count").textContent = `Round ${number + 1} of ${rounds.length}`;
  $("done").max = rounds.length;
  $("done").value = number;
  $("text").textContent = trial.text;
  $("hint").textContent = "";
  $("players").replaceChildren();
  $("ratings").replaceChildren();
  $("answers").replaceChildren();
  if (test.type === "mushra") {
    $("players").append(button("Reference (R)", (b) => play(b, trial.reference, "reference"), "play-r"));
    order.forEach((id, i) => rating(id, i));
    const scale = document.createElement("div");
    scale.className = "scale";
    for (const word of ["bad", "poor", "fair", "good", "excellent"]) scale.append(Object.assign(document.createElement("span"), { textContent: word }));
    $("ratings").append(scale);
    $("answers").append(button("Next", () => answer(null), "next"));
  } else {
    ["a", "b"].forEach((letter, i) => $("players").append(button(`Hear ${letter.toUpperCase()}`, (b) => play(b, order[i], letter), `play-${letter}`)));
    if (test.type === "abx") {
      round.x = shuffled(["a", "b"])[0];
      const id = order[round.x === "a" ? 0 : 1];
      $("players").append(button("Hear X", (b) => play(b, id, "x"), "play-x"));
    }
    const words = test.type === "ab" ? { a: "A is better", equal: "No difference", b: "B is better" } : { a: "X is A", b: "X is B" };
    for (const [vote, label] of Object.entries(words)) $("answers").append(button(label, () => answer(vote), `vote-${vote}`));
  }
  ready();
  $("round").focus();
}

function rating(id, i) {
  const line = document.createElement("div");
  line.className = "rate";
  const name = String(i + 1);
  const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 100, value: 50 });
  slider.setAttribute("aria-label", `Rating of sound ${name}`);
  slider.id = `rate-${name}`;
  const value = document.createElement("span");
  value.textContent = "–";
  slider.addEventListener("input", () => {
    round.ratings[id] = Number(slider.value);
    value.textContent = slider.value;
    ready();
  });
  line.append(button(`Hear ${name}`, (b) => play(b, id, name), `play-${name}`), slider, value);
  $("ratings").append(line);
}

/** What is still to be done in this round; an empty text when nothing is. */
function lacking() {
  const heard = (name) => round.plays[name] > 0;
  if (test.type === "mushra") {
    if (!heard("reference")) return "Hear the reference first.";
    if (round.order.some((_, i) => !heard(String(i + 1)))) return "Hear all sounds first.";
    return round.order.some((id) => !(id in round.ratings)) ? "Move every slider." : "";
  }
  const all = test.type === "abx" ? ["a", "b", "x"] : ["a", "b"];
  return all.every(heard) ? "" : `Hear ${all.map((l) => l.toUpperCase()).join(", ")} first.`;
}

const ready = () => {
  const not = String(Boolean(lacking()));
  for (const made of $("answers").children) made.setAttribute("aria-disabled", not);
};

function answer(vote) {
  const why = lacking();
  $("hint").textContent = why;
  if (why) return;
  const { trial, order, x, plays, ratings, began } = round;
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  result.trials.push({ trial: trial.trial, order, ...(test.type === "mushra" ? { ratings } : { vote }), ...(x ? { x } : {}), plays, seconds });
  next();
}

function end() {
  round = null;
  for (const id of ["intro", "round"]) $(id).hidden = true;
  $("end").hidden = false;
  $("end").focus();
  if (KEPT) send();
}

/** Answers that can't be sent can still be saved: nobody does a test twice. */
async function send() {
  $("thanks").textContent = "Thank you. Sending your answers …";
  $("send").hidden = true;
  let why = "";
  try {
    const answer = await fetch(`${test.test}/results`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(result) });
    if (!answer.ok) why = (await answer.json()).error.message;
  } catch (error) {
    why = error.message;
  }
  $("thanks").textContent = why ? `Your answers could not be sent (${why}). Try again, or save them and give the file to whoever asked you.` : "Thank you. Your answers are kept; you can close the page.";
  $("send").hidden = !why;
  $("save").classList.toggle("main", Boolean(why));
}

$("send").addEventListener("click", send);
$("begin").addEventListener("click", () => {
  result.started = new Date().toISOString();
  $("intro").hidden = true;
  $("round").hidden = false;
  next();
});
$("save").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(result, null, 1)], { type: "application/json" }));
  link.download = `listening-${test.test}-${result.listener}.json`;
  link.click();
  $("saved").textContent = `Saved as ${link.download}.`;
});
addEventListener("beforeunload", (event) => {
  if (round && result.trials.length) event.preventDefault();
});
addEventListener("keydown", (event) => {
  if (!round || event.ctrlKey || event.metaKey || event.altKey || event.target.type === "range") return;
  const id = { a: "play-a", b: "play-b", x: "play-x", r: "play-r", ArrowLeft: "vote-a", ArrowRight: "vote-b", "=": "vote-equal" }[event.key.length === 1 ? event.key.toLowerCase() : event.key]
    ?? (/^[1-9]$/.test(event.key) ? `play-${event.key}` : null);
  const wanted = id && $(id);
  if (!wanted) return;
  event.preventDefault();
  wanted.click();
});
