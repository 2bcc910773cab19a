"""Loudness after EBU R128 (ITU-R BS.1770-4)."""

import numpy as np

SHORTEST_S = 0.4
"""One gating block: shorter recordings have no integrated loudness."""


def loudness(waveform: np.ndarray, sample_rate: int) -> float:
    """Integrated loudness in LUFS of `waveform`, (T,); -inf for silence, and for less than 0.4 s."""
    if len(waveform) < SHORTEST_S * sample_rate:
        return float("-inf")
    import pyloudnorm  # brings scipy.signal along: a second and a half that who only speaks should not wait

    with np.errstate(divide="ignore"):
        return float(pyloudnorm.Meter(sample_rate).integrated_loudness(waveform.astype(np.float64)))


def normalise(waveform: np.ndarray, sample_rate: int, target_lufs: float, peak: float = 0.99) -> np.ndarray:
    """Scale `waveform`, (T,), to `target_lufs`, or to the loudness at which its peak is `peak`, whichever is quieter.

    Silence, and what is too short to have a loudness, comes back as it is.
    """
    level = loudness(waveform, sample_rate)
    if not np.isfinite(level):
        return waveform
    gain = 10 ** ((target_lufs - level) / 20)
    gain = min(gain, peak / max(float(np.abs(waveform).max()), 1e-9))
    return (waveform * gain).astype(np.float32)
