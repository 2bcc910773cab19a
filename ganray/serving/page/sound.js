// Players of samples that are still coming, and sound files.

const LEAD_S = 0.06; // of silence before the first block, and after a gap: what scheduling needs

/** Plays blocks one after the other as they come. Make it in a click's handler: browsers keep others silent. */
export class Player {
  constructor(rate) {
    this.open(rate);
  }

  /** A context at the sound's own rate needs no resampling, which would be heard where blocks meet. */
  open(rate) {
    if (this.context?.sampleRate === rate) return;
    this.context?.close();
    this.context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    this.running = this.context.resume(); // for ever pending where a page may not be heard
    this.rate = rate;
    this.frames = 0; // given so far
    this.origin = null; // when frame 0 was or would have been heard, in frames of the context's clock
    this.gaps = 0;
  }

  play(samples) {
    if (this.stopped || !samples.length) return;
    const now = Math.ceil(this.context.currentTime * this.rate);
    if (this.origin === null || this.origin + this.frames < now) {
      if (this.origin !== null) this.gaps++;
      this.origin = now + Math.round(LEAD_S * this.rate) - this.frames;
    }
    const buffer = this.context.createBuffer(1, samples.length, this.rate);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(this.context.destination);
    source.start((this.origin + this.frames) / this.rate);
    this.frames += samples.length;
  }

  /** Whether it is heard just now. */
  get audible() {
    return !this.stopped && this.context.state === "running";
  }

  /** Seconds of the sound that have been heard. */
  get position() {
    if (this.origin === null) return 0;
    const heard = this.context.currentTime - this.origin / this.rate;
    return Math.max(0, Math.min(heard, this.frames / this.rate));
  }

  /** Seconds from now until the sound begins, but for the device's own delay: Firefox stands still while it asks for that. */
  get wait() {
    return this.origin / this.rate - this.context.currentTime;
  }

  /** Resolves when the last block has been heard: to false where the browser plays nothing without a click. */
  async end() {
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    await Promise.race([this.running, pause(2000)]);
    const last = (this.origin + this.frames) / this.rate;
    const audible = this.stopped || this.audible;
    while (this.audible && this.context.currentTime < last) await pause(50);
    this.stop();
    return audible;
  }

  stop() {
    if (this.stopped) return;
    this.stopped = true;
    this.running.catch(() => {});
    this.context.close();
  }
}

/** One array of several. */
export function joined(blocks) {
  const samples = new Float32Array(blocks.reduce((count, block) => count + block.length, 0));
  blocks.reduce((at, block) => (samples.set(block, at), at + block.length), 0);
  return samples;
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
