// One sound on the page: drawn and heard while it comes, then played, scrubbed and kept.

import { Picture } from "./picture.js";
import { soundOf, tell } from "./service.js";
import { joined, wavFile } from "./sound.js";

const tracks = new Set();
export const hushAll = () => tracks.forEach((track) => track.stop());
const seconds = (value) => `${value.toFixed(1)} s`;

export class Track {
  /** Fills `root`; `name` is what the sound is called, as in "what was said". */
  constructor(root, name) {
    root.append(document.getElementById("track").content.cloneNode(true));
    const part = (selector) => root.querySelector(selector);
    [this.slider, this.head, this.audio, this.facts] = [".picture", ".head", "audio", ".facts"].map(part);
    this.picture = new Picture(part(".wave"), part(".spectrum"));
    this.slider.setAttribute("aria-label", `Waveform and spectrogram of ${name}; place in it`);
    this.onmove = () => {}; // told the seconds heard
    this.player = null;
    this.clear();
    this.listen();
    tracks.add(this);
  }

  clear() {
    this.stop();
    this.file = null;
    if (this.audio.src) URL.revokeObjectURL(this.audio.src);
    this.audio.removeAttribute("src");
    this.audio.load();
    this.facts.replaceChildren();
    this.picture.begin(1, 24000);
    this.show(0);
    this.head.hidden = true;
  }

  /** A sound that is whole. `samples` null: it can be played, not drawn; `file` null: neither. */
  load(file, samples, rate) {
    this.clear();
    if (samples) {
      this.picture.begin(samples.length / rate, rate);
      this.picture.append(samples);
      this.picture.end();
    }
    this.keep(file);
  }

  keep(file) {
    this.file = file;
    if (file) this.audio.src = URL.createObjectURL(file);
  }

  /**
   * Play and draw a response as it comes, and keep it.
   *
   * `sent` is performance.now() of the click, `guess` how many seconds it will be; words are given to `onwords` as they come.
   */
  async receive(response, player, { sent, guess, onwords = () => {} }) {
    const rate = Number(response.headers.get("x-sample-rate")) || 24000; // 24 kHz is what OpenAI's pcm has
    player.open(rate);
    this.clear();
    this.player = player;
    this.picture.begin(guess, rate);
    this.follow();
    const blocks = [];
    const facts = {};
    for await (const { samples, words } of soundOf(response)) {
      if (words) onwords(words);
      if (!samples?.length) continue;
      player.play(samples);
      if (!blocks.length) {
        const since = (ms = 0) => `${(performance.now() - sent + ms).toFixed(0)} ms`;
        this.tell(Object.assign(facts, { "First bytes": since(), "First sound": "…" }));
        const begun = () => this.tell(Object.assign(facts, { "First sound": since(1000 * Math.max(0, player.wait)) }));
        player.running.then(begun, () => {}); // stopped before it ran
      }
      blocks.push(samples);
      this.picture.append(samples);
      tell("Speaking …");
    }
    const took = performance.now() - sent;
    const samples = joined(blocks);
    this.picture.end();
    this.keep(wavFile(samples, rate));
    Object.assign(facts, {
      Length: seconds(samples.length / rate),
      Speed: `${(((samples.length / rate) * 1000) / took).toFixed(1)}× real time`,
      Gaps: player.gaps || "none",
    });
    this.tell(facts);
    return samples.length / rate;
  }

  /** Names and values below the sound. */
  tell(facts) {
    this.facts.replaceChildren(
      ...Object.entries(facts).map(([name, value]) => {
        const pair = document.createElement("div");
        for (const [tag, text] of [["dt", name], ["dd", value]]) pair.appendChild(document.createElement(tag)).textContent = text;
        return pair;
      }),
    );
  }

  stop() {
    this.player?.stop();
    this.player = null;
    this.audio.pause();
  }

  /** Go to a place in a sound that is whole, and play from there. */
  seek(place) {
    if (!this.file) return;
    const playing = this.player?.audible || !this.audio.paused;
    this.player?.stop();
    this.audio.currentTime = Math.max(0, Math.min(place, this.length));
    if (playing) this.audio.play();
    this.show(this.audio.currentTime);
  }

  get length() {
    return Number.isFinite(this.audio.duration) ? this.audio.duration : this.picture.seconds;
  }

  get position() {
    return this.player && !this.player.stopped ? this.player.position : this.audio.currentTime;
  }

  show(place) {
    this.head.hidden = false;
    this.head.style.left = `${(100 * Math.min(1, place / this.length)).toFixed(3)}%`;
    this.slider.setAttribute("aria-valuemax", this.length.toFixed(2));
    this.slider.setAttribute("aria-valuenow", place.toFixed(2));
    this.slider.setAttribute("aria-valuetext", `${seconds(place)} of ${seconds(this.length)}`);
    this.onmove(place);
  }

  /** Move the line for as long as something is heard. */
  follow() {
    this.show(this.position);
    if (this.player?.stopped) this.player = null;
    cancelAnimationFrame(this.frame);
    if (this.player || !this.audio.paused) this.frame = requestAnimationFrame(() => this.follow());
  }

  listen() {
    this.audio.addEventListener("play", () => {
      for (const other of tracks) if (other !== this) other.stop();
      this.player?.stop();
      this.follow();
    });
    this.audio.addEventListener("seeked", () => this.show(this.position));
    const place = (event) => {
      const { left, width } = this.slider.getBoundingClientRect();
      return ((event.clientX - left) / width) * this.length;
    };
    this.slider.addEventListener("pointerdown", (event) => {
      this.slider.setPointerCapture(event.pointerId);
      this.seek(place(event));
    });
    this.slider.addEventListener("pointermove", (event) => {
      if (this.slider.hasPointerCapture(event.pointerId)) this.seek(place(event));
    });
    this.slider.addEventListener("keydown", (event) => {
      const now = this.position;
      const to = { ArrowLeft: now - 0.5, ArrowDown: now - 0.5, ArrowRight: now + 0.5, ArrowUp: now + 0.5, Home: 0, End: Infinity };
      if (event.key in to) this.seek(to[event.key]);
      else if (event.key === " ") this.toggle();
      else return;
      event.preventDefault();
    });
  }

  toggle() {
    if (this.player?.audible) this.player.stop();
    else if (!this.audio.paused) this.audio.pause();
    else if (this.file) this.audio.play();
  }
}
