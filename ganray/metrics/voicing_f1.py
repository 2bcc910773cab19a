"""Whether what was voiced is voiced."""

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.errors import DataError
from ganray.metrics.base import needed
from ganray.metrics.pitch import pitch


def voicing_f1(reference: np.ndarray | None, estimate: np.ndarray, sample_rate: int, audio: AudioConfig) -> float:
    """F1 of the estimate's voiced frames against the reference's: 2 · both / (both's own + the other's own).

    Raises:
        DataError: No frame of the reference is voiced.

    Source: van Rijsbergen, "Information Retrieval", 1979, chapter 7; V/UV by DIO. As reported by Siuzdak, "Vocos",
    ICLR 2024, with another pitch tracker.
    """
    theirs = pitch(needed(reference, "voicing_f1"), sample_rate) > 0
    ours = pitch(estimate, sample_rate) > 0
    if not theirs.any():
        raise DataError("no frame of the reference is voiced")
    return float(2 * np.count_nonzero(theirs & ours) / (np.count_nonzero(theirs) + np.count_nonzero(ours)))
