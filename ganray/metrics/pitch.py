"""F0 for the measures: tracks of two waveforms on one time axis."""

from functools import lru_cache

import numpy as np

from ganray.errors import DataError

PERIOD_MS = 5.0
FLOOR_HZ, CEILING_HZ = 60.0, 800.0
CENTS = 1_200.0
FEWEST = 10
"""Frames voiced in both below which nothing can be said of a melody: 50 ms."""


def pitch(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """(F,) F0 in Hz every 5 ms, 0 where unvoiced: DIO, refined by StoneMask (Morise et al. 2009, 2010)."""
    return _pitch(np.asarray(waveform, np.float32).tobytes(), sample_rate)


def both_voiced(reference: np.ndarray, estimate: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Log F0 in octaves of two waveforms, (T,), at the frames that are voiced in both.

    Raises:
        DataError: There are fewer than ten such frames.
    """
    theirs, ours = pitch(reference, sample_rate), pitch(estimate, sample_rate)
    both = (theirs > 0) & (ours > 0)
    if np.count_nonzero(both) < FEWEST:
        raise DataError("too few frames are voiced in both", got=int(np.count_nonzero(both)), want=FEWEST)
    return np.log2(theirs[both]), np.log2(ours[both])


@lru_cache(maxsize=4)
def _pitch(content: bytes, sample_rate: int) -> np.ndarray:
    """Several measures ask for the same track, and a reference's is asked for again with every row of the scale."""
    import pyworld

    signal = np.frombuffer(content, np.float32).astype(np.float64)
    coarse, times = pyworld.dio(signal, sample_rate, f0_floor=FLOOR_HZ, f0_ceil=CEILING_HZ, frame_period=PERIOD_MS)
    return pyworld.stonemask(signal, coarse, times, sample_rate)
