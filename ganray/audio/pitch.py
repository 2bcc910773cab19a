"""F0 and energy at the frames of the audio contract: frame i is centred at sample i · hop_length + hop_length / 2."""

import numpy as np
import pyworld

from ganray.config.audio import AudioConfig
from ganray.config.prepare import F0Config

_DIO_RATE_HZ = 12_000
"""DIO looks for zero crossings far below this, so it may work on a decimated signal: 2 times faster at 24 kHz."""


def fundamental(waveform: np.ndarray, audio: AudioConfig, config: F0Config) -> np.ndarray:
    """F0 by DIO, refined by StoneMask (Morise et al. 2009, 2010), or by Harvest (Morise 2017).

    Args:
        waveform: (T,) at `audio.sample_rate`, T a multiple of `audio.hop_length`.

    Returns:
        (F,) float32 in Hz, 0 where unvoiced, F = T / hop_length.
    """
    # WORLD's frame i is at sample i · hop_length: what it sees begins half a hop later.
    signal = waveform[audio.hop_length // 2 :].astype(np.float64)
    rate, period_ms = audio.sample_rate, 1000 / audio.frame_rate_hz
    limits = {"f0_floor": config.floor_hz, "f0_ceil": config.ceiling_hz, "frame_period": period_ms}
    if config.by == "harvest":
        fine, _ = pyworld.harvest(signal, rate, **limits)
    else:
        coarse, times = pyworld.dio(signal, rate, **limits, speed=max(1, min(12, rate // _DIO_RATE_HZ)))
        fine = pyworld.stonemask(signal, coarse, times, rate)
    # StoneMask may leave the range that was asked for.
    fine[(fine < config.floor_hz) | (fine > config.ceiling_hz)] = 0
    return fine[: len(waveform) // audio.hop_length].astype(np.float32)


def energy(waveform: np.ndarray, audio: AudioConfig) -> np.ndarray:
    """(F,) float32 root mean square of the `win_length` samples about each frame's centre, silence beyond the ends."""
    hop, window = audio.hop_length, audio.win_length
    centres = np.arange(len(waveform) // hop) * hop + hop // 2
    sums = np.concatenate([[0.0], np.cumsum(waveform.astype(np.float64) ** 2)])
    ends = np.clip(centres + window // 2, 0, len(waveform))
    starts = np.clip(centres - window // 2, 0, len(waveform))
    return np.sqrt(np.maximum(sums[ends] - sums[starts], 0) / window).astype(np.float32)
