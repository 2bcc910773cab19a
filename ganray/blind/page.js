"use strict";
const $ = (id) => document.getElementById(id);
const test = JSON.parse($("test").textContent);
const HOW = {
  ab: "Each round has two sounds that say the same. Hear both, and say which you would rather listen to.",
  abx: "Each round has two sounds, A and B, and X, which is one of them. Hear all, and say which one X is.",
  mushra: "Each round has a reference and several sounds. Rate each from 0 (bad) to 100 (just like the reference). One of them is the reference itself: rate it 100.",
};
const KEYS = {
  ab: "a and b play; ← A is better, → B is better, = no difference.",
  abx: "a, b and x play; ← X is A, → X is B.",
  mushra: "r and 1, 2, 3 … play, also while a slider has the focus; arrow keys move it, Tab goes to the next.",
};
$("how").textContent = HOW[test.type];
$("keys").textContent = KEYS[test.type];
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
let keys = {}; // key → button of this round
const SIGNS = { ArrowLeft: "←", ArrowRight: "→" };
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
  const { plays } = round;
  audio.play().then(
    () => {
      plays[name] = (plays[name] || 0) + 1;
      ready();
    },
    (error) => {
      if (error.name === "AbortError") return; // stopped before it began
      silence();
      $("hint").textContent = `This browser can't play the sound (${error.message}).`;
    },
  );
}

const button = (label, action, id, key) => {
  const made = document.createElement("button");
  made.textContent = label;
  made.id = id;
  if (key) {
    if (!label.endsWith(key)) made.append(" ", Object.assign(document.createElement("kbd"), { textContent: SIGNS[key] ?? key, ariaHidden: "true" }));
    made.setAttribute("aria-keyshortcuts", key);
    keys[key] = made;
  }
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
  keys = {};
  $("players").replaceChildren();
  $("ratings").replaceChildren();
  $("answers").replaceChildren();
  if (test.type === "mushra") {
    $("players").append(button("Reference", (b) => play(b, trial.reference, "reference"), "play-r", "r"));
    order.forEach((id, i) => rating(id, i));
    const scale = document.createElement("div");
    scale.className = "scale";
    for (const word of ["bad", "poor", "fair", "good", "excellent"]) scale.append(Object.assign(document.createElement("span"), { textContent: word }));
    $("ratings").append(scale);
    $("answers").append(button("Next", () => answer(null), "next"));
  } else {
    ["a", "b"].forEach((letter, i) => $("players").append(button(`Hear ${letter.toUpperCase()}`, (b) => play(b, order[i], letter), `play-${letter}`, letter)));
    if (test.type === "abx") {
      round.x = shuffled(["a", "b"])[0];
      const id = order[round.x === "a" ? 0 : 1];
      $("players").append(button("Hear X", (b) => play(b, id, "x"), "play-x", "x"));
    }
    const words = test.type === "ab" ? { a: "A is better", equal: "No difference", b: "B is better" } : { a: "X is A", b: "X is B" };
    const votes = { a: "ArrowLeft", equal: "=", b: "ArrowRight" };
    for (const [vote, label] of Object.entries(words)) $("answers").append(button(label, () => answer(vote), `vote-${vote}`, votes[vote]));
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
  slider.className = "unset";
  const value = document.createElement("span");
  value.textContent = "–";
  slider.addEventListener("input", () => {
    round.ratings[id] = Number(slider.value);
    value.textContent = slider.value;
    slider.className = "";
    ready();
  });
  line.append(button(`Hear ${name}`, (b) => play(b, id, name), `play-${name}`, String((i + 1) % 10)), slider, value);
  $("ratings").append(line);
}

/** What is still to be done in this round; an empty text when nothing is. */
function lacking() {
  const all = { ab: ["a", "b"], abx: ["a", "b", "x"], mushra: ["reference", ...round.order.map((_, i) => String(i + 1))] }[test.type];
  const unheard = all.filter((name) => !round.plays[name]).map((name) => (name === "reference" ? "the reference" : name.toUpperCase()));
  if (unheard.length) return `Hear ${unheard.join(", ").replace(/, (?=[^,]*$)/, " and ")} first.`;
  return test.type === "mushra" && round.order.some((id) => !(id in round.ratings)) ? "Move every slider." : "";
}

/** Says it before somebody tries, too: a button that does nothing and doesn't say why looks broken. */
function ready() {
  if (!round) return;
  const why = lacking();
  $("hint").textContent = why;
  for (const made of $("answers").children) made.setAttribute("aria-disabled", String(Boolean(why)));
}

function answer(vote) {
  if (lacking()) return;
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
  if (!round || event.ctrlKey || event.metaKey || event.altKey) return;
  const wanted = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!wanted) return;
  event.preventDefault();
  wanted.click();
});
