"""How periodic the voice is against how periodic it was: buzz where there was breath, or breath for buzz."""

from functools import lru_cache

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.metrics.base import audible, needed

FLOOR_HZ, CEILING_HZ = 75.0, 600.0
HOP_MS = 10.0
PERIODS = 3.0
"""Of the lowest pitch, that a window spans."""
QUIETEST_DB = 50.0
"""Frames of the reference so far below its loudest are silence, whose periodicity nobody hears."""


def periodicity(reference: np.ndarray | None, estimate: np.ndarray, sample_rate: int, audio: AudioConfig) -> float:
    """Root mean square difference of the frames' periodicities, each 0 to 1.

    A frame's periodicity is the highest peak of its autocorrelation, divided by the window's: the share of the power
    that repeats. The comparison is Morrison's, who takes CREPE's confidence for it, for which no model is at hand.

    Raises:
        DataError: The reference is silent.

    Source: Morrison et al., "Chunked Autoregressive GAN", ICLR 2022, §4.1; Boersma, "Accurate short-term analysis of
    the fundamental frequency and the harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17, 1993.
    """
    reference = needed(reference, "periodicity")
    audible(reference, "reference")
    theirs, level = frames(reference.tobytes(), sample_rate)
    ours, _ = frames(estimate.tobytes(), sample_rate)
    heard = level > level.max() - QUIETEST_DB
    return float(np.sqrt(np.mean((ours[heard] - theirs[heard]) ** 2)))


@lru_cache(maxsize=3)
def frames(content: bytes, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """float32 samples, (T,), as bytes → (F,) periodicities from 0 to 1, and (F,) levels in dB."""
    signal = np.frombuffer(content, np.float32).astype(np.float64)
    length, hop = round(PERIODS / FLOOR_HZ * sample_rate), round(HOP_MS * sample_rate / 1000)
    signal = np.pad(signal, (0, max(0, length - len(signal))))
    window = np.hanning(length)
    n_fft = 2 ** int(2 * length - 1).bit_length()
    cut = np.lib.stride_tricks.sliding_window_view(signal, length)[::hop]
    cut = (cut - cut.mean(1, keepdims=True)) * window
    own = np.fft.irfft(np.abs(np.fft.rfft(window, n_fft)) ** 2)[:length]
    first, last = int(sample_rate / CEILING_HZ), int(np.ceil(sample_rate / FLOOR_HZ))
    lags = np.fft.irfft(np.abs(np.fft.rfft(cut, n_fft)) ** 2, axis=1)[:, : last + 2]
    power = lags[:, 0]
    lags = lags / np.maximum(power, 1e-12)[:, None] / (own[: last + 2] / own[0])
    middle, before, after = lags[:, first : last + 1], lags[:, first - 1 : last], lags[:, first + 1 : last + 2]
    # A peak between two samples is as high as the parabola through its three neighbours.
    bend = np.minimum(before - 2 * middle + after, -1e-12)
    peak = np.where((middle >= before) & (middle >= after), middle - (after - before) ** 2 / (8 * bend), 0.0)
    level = 10 * np.log10(np.maximum(power / length, 1e-12))
    return np.where(power > 1e-9, np.clip(peak.max(1), 0, 1), 0.0), level
