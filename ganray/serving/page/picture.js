// Waveform and mel-spaced spectrogram, drawn as the samples arrive.

const FFT = 1024;
const ROWS = 128;
const LOUDEST_DB = -15;
const QUIETEST_DB = -95;
const COLOURS = [[0, 0, 4], [66, 10, 104], [147, 38, 103], [221, 81, 58], [252, 165, 10], [252, 255, 164]];
const GROUND = "#000004";
const WAVE = "#fca50a";
const WAVE_ROWS = 64;
const NAMED_HZ = [500, 1000, 2000, 4000, 8000];
const QUIET_PEAK = 0.4; // fills the height, and so does whatever is louder

export class Picture {
  constructor(wave, spectrum) {
    [this.wave, this.spectrum] = [wave, spectrum];
    this.begin(1, 24000);
  }

  /** `seconds` of sound at `rate` Hz fill the width, until more comes. */
  begin(seconds, rate) {
    this.rate = rate;
    this.samples = new Float32Array(Math.ceil(seconds * rate));
    this.length = 0;
    this.peak = QUIET_PEAK;
    const top = mel(Math.min(rate / 2, 12000));
    this.edges = Array.from({ length: ROWS + 1 }, (_, row) => Math.min(FFT / 2, (hz((row / ROWS) * top) / rate) * FFT));
    this.name(top);
    this.spread(seconds);
  }

  /** Names some frequencies at the height where they are. */
  name(top) {
    const picture = this.spectrum.parentElement;
    for (const old of picture.querySelectorAll(".hz")) old.remove();
    for (const hertz of NAMED_HZ.filter((one) => mel(one) < 0.95 * top)) {
      const label = Object.assign(document.createElement("span"), { className: "hz", ariaHidden: "true" });
      label.textContent = hertz < 1000 ? `${hertz} Hz` : `${hertz / 1000} kHz`;
      label.style.setProperty("--place", mel(hertz) / top);
      picture.append(label);
    }
  }

  append(samples) {
    const length = this.length + samples.length;
    if (length > this.samples.length) {
      const more = new Float32Array(2 * length);
      more.set(this.samples.subarray(0, this.length));
      this.samples = more;
    }
    this.samples.set(samples, this.length);
    this.length = length;
    const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), this.peak);
    const spread = length > this.seconds * this.rate ? (1.3 * length) / this.rate : this.seconds;
    if (peak > this.peak || spread > this.seconds) {
      this.peak = peak;
      this.spread(spread);
    }
    this.draw(length - FFT / 2);
  }

  /** What has come fills the width. */
  end() {
    if (this.length) this.spread(this.length / this.rate);
    this.draw(Infinity);
  }

  spread(seconds) {
    this.seconds = seconds;
    const width = Math.round(Math.min(1600, (this.wave.clientWidth || 640) * (window.devicePixelRatio || 1)));
    for (const [canvas, rows] of [[this.wave, WAVE_ROWS], [this.spectrum, ROWS]]) {
      [canvas.width, canvas.height] = [width, rows];
      const context = canvas.getContext("2d");
      context.fillStyle = GROUND;
      context.fillRect(0, 0, width, rows);
    }
    this.step = (seconds * this.rate) / width;
    this.column = 0;
  }

  /** Every column whose window ends before sample `until`. */
  draw(until) {
    for (; this.column < this.wave.width && (this.column + 1) * this.step <= until; this.column++) {
      const start = Math.floor(this.column * this.step);
      this.drawWave(this.samples.subarray(start, Math.min(this.length, Math.ceil(start + this.step))));
      this.drawSpectrum(Math.round((this.column + 0.5) * this.step));
    }
  }

  drawWave(samples) {
    const high = samples.reduce((most, sample) => Math.max(most, sample), 0);
    const low = samples.reduce((least, sample) => Math.min(least, sample), 0);
    const context = this.wave.getContext("2d");
    context.fillStyle = WAVE;
    const half = WAVE_ROWS / 2;
    const top = half * (1 - high / this.peak);
    context.fillRect(this.column, top, 1, Math.max(1, (half * (high - low)) / this.peak));
  }

  drawSpectrum(centre) {
    const power = powerSpectrum(this.samples, centre - FFT / 2, this.length);
    const context = this.spectrum.getContext("2d");
    const image = context.createImageData(1, ROWS);
    for (let row = 0; row < ROWS; row++) {
      const low = Math.floor(this.edges[row]);
      const high = Math.max(low + 1, Math.floor(this.edges[row + 1]));
      let loudest = 0;
      for (let bin = low; bin < high; bin++) loudest = Math.max(loudest, power[bin]);
      const db = 10 * Math.log10(loudest + 1e-12);
      const [r, g, b] = colour((db - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB));
      image.data.set([r, g, b, 255], 4 * (ROWS - 1 - row));
    }
    context.putImageData(image, this.column, 0);
  }
}

const mel = (hertz) => 1127 * Math.log(1 + hertz / 700);
const hz = (mels) => 700 * (Math.exp(mels / 1127) - 1);

function colour(value) {
  const place = Math.min(0.9999, Math.max(0, value)) * (COLOURS.length - 1);
  const [from, to] = [COLOURS[Math.floor(place)], COLOURS[Math.floor(place) + 1]];
  return from.map((channel, i) => channel + (to[i] - channel) * (place % 1));
}

// ---- Fourier ------------------------------------------------------------------------------------------------------

const WINDOW = Float32Array.from({ length: FFT }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / FFT));
const COS = Float32Array.from({ length: FFT / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / FFT));
const SIN = Float32Array.from({ length: FFT / 2 }, (_, i) => -Math.sin((2 * Math.PI * i) / FFT));
const REVERSED = Uint16Array.from({ length: FFT }, (_, index) => {
  let result = 0;
  for (let bit = 1; bit < FFT; bit *= 2) result = result * 2 + ((index & bit) !== 0 ? 1 : 0);
  return result;
});

/** Power of a Hann-windowed frame from sample `start` on, silence around; a full-scale sine has 1 (0 dB) in its bin. */
export function powerSpectrum(samples, start = 0, length = samples.length) {
  const re = new Float32Array(FFT);
  const im = new Float32Array(FFT);
  for (let i = 0; i < FFT; i++) {
    const at = start + i;
    if (at >= 0 && at < length) re[REVERSED[i]] = samples[at] * WINDOW[i];
  }
  for (let size = 2; size <= FFT; size *= 2) {
    const half = size / 2;
    for (let k = 0; k < half; k++) {
      const [cos, sin] = [COS[(k * FFT) / size], SIN[(k * FFT) / size]];
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
