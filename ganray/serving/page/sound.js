// What is drawn and heard: spectrograms, players, wav files.

import { joined, pcmBlocks, tell } from "./service.js";

/** Plays and draws a response's samples as they come. All of them, and the milliseconds since `sent` to the first and the last. */
export async function heard(response, sent, player, picture, doing) {
  const blocks = [];
  let first = 0;
  for await (const samples of pcmBlocks(response.body.getReader())) {
    first ||= performance.now() - sent;
    blocks.push(samples);
    player.play(samples);
    picture.append(samples);
    tell(player.context.state === "running" ? doing : "Ready. Press play to hear it.");
  }
  return { samples: joined(blocks), first, whole: performance.now() - sent };
}

// ---- A spectrogram, drawn as the samples arrive -------------------------------------------------------------------

const FFT = 1024;
const ROWS = 128;
const LOUDEST_DB = -15;
const QUIETEST_DB = -95;
const WINDOW = Float32Array.from({ length: FFT }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / FFT));
const COLOURS = [[0, 0, 4], [66, 10, 104], [147, 38, 103], [221, 81, 58], [252, 165, 10], [252, 255, 164]];

export class Spectrogram {
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
export class Player {
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

export function wavFile(samples, rate) {
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
export async function decode(file) {
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
