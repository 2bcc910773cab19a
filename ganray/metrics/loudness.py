"""How loud it is."""

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.errors import DataError


def loudness(reference: np.ndarray | None, estimate: np.ndarray, sample_rate: int, audio: AudioConfig) -> float:
    """Integrated loudness of `estimate`, (T,), in LUFS. The reference is not looked at.

    Raises:
        DataError: It is silent, or shorter than 0.4 s.

    Source: ITU-R BS.1770-4 and EBU R 128, as pyloudnorm has them.
    """
    from ganray.audio import loudness as integrated

    level = integrated(estimate, sample_rate)
    if not np.isfinite(level):
        raise DataError("it has no loudness: it is silent, or shorter than 0.4 s")
    return level
