"""How much of the time somebody speaks."""

import numpy as np

from ganray.config.audio import AudioConfig

TIME_CONSTANT_S = 0.03
HANGOVER_S = 0.2
MARGIN_DB = 15.9
THRESHOLDS = 2.0 ** -np.arange(15, -1, -1.0)
"""Half a bit of sixteen to full scale, an octave apart."""


def speech(reference: np.ndarray | None, estimate: np.ndarray, sample_rate: int, audio: AudioConfig) -> float:
    """Activity factor of `estimate`, (T,): the share of time that is louder than 15.9 dB below its active level.

    It hears level alone: pauses lower it, and steady noise counts as speech. The reference is not looked at.

    Source: ITU-T P.56 (2011), method B.
    """
    return activity(estimate, sample_rate)[0]


def activity(waveform: np.ndarray, sample_rate: int) -> tuple[float, float]:
    """(Activity factor from 0 to 1, active level in dB of full scale) of (T,); (0, -inf) for silence."""
    from scipy.signal import lfilter  # type: ignore[import-untyped]

    decay = np.exp(-1 / (sample_rate * TIME_CONSTANT_S))
    envelope = np.abs(waveform).astype(np.float64)
    for _ in range(2):
        envelope = lfilter([1 - decay], [1, -decay], envelope)
    hangover = round(HANGOVER_S * sample_rate)
    power = float(np.sum(np.square(waveform, dtype=np.float64)))
    active = np.array([_held(envelope >= threshold, hangover) for threshold in THRESHOLDS])
    known = active > 0
    if not power or not known.any():
        return 0.0, float("-inf")
    # Where the level of the active part stands 15.9 dB above the threshold, between two thresholds by interpolation.
    level = 10 * np.log10(power / active[known])
    above = level - 20 * np.log10(THRESHOLDS[known]) - MARGIN_DB
    if above[0] <= 0:
        return float(active[known][0] / len(waveform)), float(level[0])
    below = int(np.argmax(above <= 0)) if (above <= 0).any() else len(above) - 1
    share = above[below - 1] / (above[below - 1] - above[below]) if above[below] <= 0 else 1.0
    found = float(level[below - 1] + share * (level[below] - level[below - 1]))
    return float(min(1.0, power / 10 ** (found / 10) / len(waveform))), found


def _held(loud: np.ndarray, hangover: int) -> int:
    """Samples that are loud, or at most `hangover` samples after one that is."""
    ends = np.flatnonzero(loud)
    if not len(ends):
        return 0
    gaps = np.diff(ends, append=len(loud))
    return int(np.minimum(gaps, hangover + 1).sum())
