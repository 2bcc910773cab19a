"""What is measured of a recording as it was recorded, before anything is done to it. Pure: samples in, numbers out."""

from dataclasses import asdict, dataclass

import numpy as np
import pyworld
from scipy.fft import next_fast_len, rfft  # type: ignore[import-untyped]

from ganray.audio import loudness

VERSION = "3"
"""Changes when any number may."""
_FRAME_S, _HOP_S = 0.02, 0.01
_FLOOR_DB = -120.0
_F0_RATE_HZ = 8_000
_BAND_HZ = 200.0
_EVEN_DB, _ABYSS_DB = 5.0, 40.0


@dataclass(frozen=True)
class Measures:
    """One recording; NaN where there is nothing to measure.

    Attributes:
        seconds: Length.
        sample_rate: Of the file, Hz.
        peak_db: Largest magnitude, dB relative to full scale.
        loudness_lufs: Integrated, EBU R128.
        loud_db: 95th percentile of the levels of 20 ms frames: speech.
        noise_db: Mean level of the quietest tenth of them: the room.
        snr_db: Level of the frames with speech over `noise_db`.
        offset: Mean of all samples over their root mean square.
        clipped_runs: Flat tops: runs of three samples or more at the recording's own extreme, either way.
        clipped_share: Samples in them, of all.
        bandwidth_hz: Where a brick wall ends the spectrum; half the sample rate where there is none.
        hum_db: How far 50 or 60 Hz and twice that stand out of their neighbourhood.
        lead_s: Before the first speech.
        tail_s: After the last.
        pause_s: The longest between them.
        dropouts: Holes in speech: 4 ms or more of one and the same value.
        start_db: Level of the first 20 ms over `loud_db`.
        end_db: Of the last.
        f0_hz: Median of the voiced frames.
    """

    seconds: float
    sample_rate: float
    peak_db: float
    loudness_lufs: float
    loud_db: float
    noise_db: float
    snr_db: float
    offset: float
    clipped_runs: float
    clipped_share: float
    bandwidth_hz: float
    hum_db: float
    lead_s: float
    tail_s: float
    pause_s: float
    dropouts: float
    start_db: float
    end_db: float
    f0_hz: float


NAMES = tuple(Measures.__dataclass_fields__)


def measure(waveform: np.ndarray, rate: int) -> dict[str, float]:
    """Measure a recording.

    Args:
        waveform: (T,) float32, finite, T > 0.
        rate: Its sample rate, Hz.
    """
    mean = float(waveform.mean(dtype=np.float64))
    signal = waveform - np.float32(mean)
    level = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))) or 1e-9
    frames = levels_db(signal, rate)
    loud, noise = float(np.percentile(frames, 95)), _power_mean(np.sort(frames)[: max(1, len(frames) // 10)])
    threshold = max(loud - 30, min(noise + 6, loud - 12))
    speech = np.flatnonzero(frames >= threshold)
    clipped = _flat_tops(waveform)
    edges = np.diff(np.concatenate([[speech[0]], speech])) if len(speech) else np.zeros(1, int)
    return asdict(
        Measures(
            seconds=len(waveform) / rate,
            sample_rate=float(rate),
            peak_db=_db(float(np.abs(waveform).max())),
            loudness_lufs=max(_FLOOR_DB, loudness(signal, rate)),
            loud_db=loud,
            noise_db=noise,
            snr_db=_power_mean(frames[speech]) - noise if len(speech) else float("nan"),
            offset=abs(mean) / level,
            clipped_runs=float(len(clipped)),
            clipped_share=float(clipped.sum()) / len(waveform),
            bandwidth_hz=bandwidth(signal, rate, frames >= threshold),
            hum_db=hum(signal, rate),
            lead_s=float(speech[0]) * _HOP_S if len(speech) else float("nan"),
            tail_s=float(len(frames) - 1 - speech[-1]) * _HOP_S if len(speech) else float("nan"),
            pause_s=float(edges.max()) * _HOP_S,
            dropouts=float(_dropouts(waveform, rate, frames, loud)),
            start_db=float(frames[0]) - loud,
            end_db=float(frames[-1]) - loud,
            f0_hz=_median_f0(signal, rate),
        )
    )


def levels_db(signal: np.ndarray, rate: int) -> np.ndarray:
    """Level of each 20 ms frame, every 10 ms, dB relative to full scale."""
    size, hop = max(1, round(_FRAME_S * rate)), max(1, round(_HOP_S * rate))
    sums = np.concatenate([[0.0], np.cumsum(np.square(signal, dtype=np.float64))])
    starts = np.arange(0, max(1, len(signal) - size + 1), hop)
    ends = np.minimum(starts + size, len(signal))
    return np.maximum(10 * np.log10(np.maximum(sums[ends] - sums[starts], 0) / size + 1e-12), _FLOOR_DB)


def bandwidth(signal: np.ndarray, rate: int, loud: np.ndarray) -> float:
    """Hz at which the long-term spectrum of speech breaks off for good; rate / 2 where it doesn't.

    Speech falls gently. What was upsampled, or cut by a codec, falls by 20 dB or more within half a kilohertz, and
    nothing comes after but an even floor, or, in samples of more than 16 bits, what no microphone could have heard: a
    microphone's dip is neither.
    """
    size = 2 ** round(np.log2(0.04 * rate))
    spectrum = _long_term(signal, rate, size, loud)
    if spectrum is None:
        return rate / 2
    width = max(1, round(_BAND_HZ * size / rate))
    bands = np.array([spectrum[i : i + width].mean() for i in range(0, len(spectrum) - width + 1, width)])
    db, hz = 10 * np.log10(bands + 1e-16), width * rate / size
    best, edge = 20.0, rate / 2
    top = len(db) - max(2, int(0.04 * len(db)))  # a converter's own filter ends there
    for cut in range(max(8, int(2_000 / hz)), top - 3):
        drop = float(np.median(db[cut - 4 : cut])) - float(db[cut + 1 :].max())
        even = float(np.ptp(np.percentile(db[cut + 2 : top], [10, 95]))) <= _EVEN_DB
        if drop > best and (even or drop > _ABYSS_DB):
            best, edge = drop, cut * hz
    return edge


def _long_term(signal: np.ndarray, rate: int, size: int, loud: np.ndarray) -> np.ndarray | None:
    hop = round(_HOP_S * rate)
    starts = np.flatnonzero(loud)[::2] * hop
    starts = starts[starts + size <= len(signal)]
    if not len(starts):
        return None
    window, total = np.hanning(size).astype(np.float32), np.zeros(size // 2 + 1)
    for block in np.array_split(starts, max(1, len(starts) // 128)):
        frames = np.stack([signal[s : s + size] for s in block]) * window
        total += np.square(np.abs(np.fft.rfft(frames))).sum(0)
    return total / len(starts)


def hum(signal: np.ndarray, rate: int) -> float:
    """Decibels by which 50 or 60 Hz stand out of what is 6 to 20 Hz beside: with twice that the mean, or alone 9 less.

    Mains hum is steady, so it is narrow in the spectrum of a whole recording; a voice at that pitch is not. A voice
    may cover the harmonic, and a telephone's high-pass the fundamental.
    """
    if len(signal) < rate // 2:
        return 0.0
    size = next_fast_len(len(signal), real=True)  # of a prime length it takes ten times as long
    power = np.square(np.abs(rfft(signal * np.hanning(len(signal)).astype(np.float32), size)), dtype=np.float64)
    hz = rate / size

    def stands_out(frequency: float) -> float:
        near = power[max(0, int((frequency - 2) / hz)) : int((frequency + 2) / hz) + 2].max()
        beside = [power[max(0, int((frequency + a) / hz)) : int((frequency + b) / hz) + 1] for a, b in _BESIDE]
        return 10 * float(np.log10((near + 1e-20) / (np.mean(np.concatenate(beside)) + 1e-20)))

    pairs = [(stands_out(base), stands_out(2 * base)) for base in (50.0, 60.0)]
    return max(max(base - _ALONE_DB, (base + twice) / 2) for base, twice in pairs)


_ALONE_DB = 9.0
_BESIDE = ((-20, -6), (6, 20))


def _flat_tops(waveform: np.ndarray) -> np.ndarray:
    """Lengths of the runs of three samples or more at the highest or the lowest value."""
    runs = []
    for extreme in (waveform.max(), waveform.min()):
        if abs(extreme) < 0.01:
            continue
        at = np.abs(waveform - extreme) <= 2e-4 * abs(extreme)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], at, [False]]).astype(np.int8)))
        lengths = edges[1::2] - edges[::2]
        runs.append(lengths[lengths >= 3])
    return np.concatenate(runs) if runs else np.zeros(0, int)


def _dropouts(waveform: np.ndarray, rate: int, frames: np.ndarray, loud: float) -> int:
    """Runs of one value for 4 ms or more, with speech within 40 ms on both sides."""
    still = np.concatenate([[False], waveform[1:] == waveform[:-1], [False]])
    edges = np.flatnonzero(np.diff(still.astype(np.int8)))
    if not len(edges):
        return 0
    hop, count = round(_HOP_S * rate), 0
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start >= 0.004 * rate:
            before = frames[max(0, start // hop - 5) : max(1, start // hop - 1)]
            after = frames[end // hop + 1 : end // hop + 5]
            if len(before) and len(after) and min(before.max(), after.max()) > loud - 25:
                count += 1
    return count


def _median_f0(signal: np.ndarray, rate: int) -> float:
    step = max(1, min(12, rate // _F0_RATE_HZ))
    f0, _ = pyworld.dio(signal.astype(np.float64), rate, f0_floor=70, f0_ceil=600, frame_period=10.0, speed=step)
    voiced = f0[f0 > 0]
    return float(np.median(voiced)) if len(voiced) >= 5 else float("nan")


def _power_mean(db: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(10 ** (db / 10))))


def _db(magnitude: float) -> float:
    return 20 * float(np.log10(max(magnitude, 1e-6)))
