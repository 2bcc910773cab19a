"""How far the melody is off, in cents."""

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.metrics.base import needed
from ganray.metrics.pitch import CENTS, both_voiced


def f0_rmse(reference: np.ndarray | None, estimate: np.ndarray, sample_rate: int, audio: AudioConfig) -> float:
    """Root mean square difference of log F0, in cents (1,200 an octave), where both waveforms, (T,), are voiced.

    Raises:
        DataError: Fewer than ten frames are voiced in both.

    Source: log-F0 RMSE as in Hayashi et al., "ESPnet2-TTS", 2021, §4.1, in cents; F0 by DIO and StoneMask.
    """
    theirs, ours = both_voiced(needed(reference, "f0_rmse"), estimate, sample_rate)
    return float(CENTS * np.sqrt(np.mean((ours - theirs) ** 2)))
