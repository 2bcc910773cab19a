"""How well the melody follows, whatever its register."""

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.errors import DataError
from ganray.metrics.base import needed
from ganray.metrics.pitch import both_voiced


def f0_correlation(reference: np.ndarray | None, estimate: np.ndarray, sample_rate: int, audio: AudioConfig) -> float:
    """Pearson's correlation of log F0 where both waveforms, (T,), are voiced.

    Raises:
        DataError: Fewer than ten frames are voiced in both, or one of the melodies is a single tone.

    Source: Pearson 1895; F0 by DIO and StoneMask.
    """
    theirs, ours = both_voiced(needed(reference, "f0_correlation"), estimate, sample_rate)
    if min(theirs.std(), ours.std()) < 1e-6:
        raise DataError("a melody of one tone has no correlation with another")
    return float(np.corrcoef(theirs, ours)[0, 1])
