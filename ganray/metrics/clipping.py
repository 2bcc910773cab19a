"""How much of it hits the ceiling."""

import numpy as np

from ganray.config.audio import AudioConfig

CEILING = 32_767 / 32_768
"""The largest sample of 16 bits."""
IN_A_ROW = 2
"""One sample at full scale is a peak; a second one beside it was cut off."""


def clipping(reference: np.ndarray | None, estimate: np.ndarray, sample_rate: int, audio: AudioConfig) -> float:
    """Share of the samples of `estimate`, (T,), that stand at full scale beside another one on the same side.

    The reference is not looked at.

    Source: consecutive full-scale samples, as AES's and every editor's clip detectors count them.
    """
    cut = np.zeros(len(estimate), bool)
    for side in (estimate, -estimate):
        full = side >= CEILING
        pairs = full[1:] & full[:-1]
        cut[1:] |= pairs
        cut[:-1] |= pairs
    return float(np.count_nonzero(cut) / len(estimate))
