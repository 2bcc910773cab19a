"""Extended short-time objective intelligibility: how much of the speech can be understood, up to 1."""

import warnings

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.errors import DataError
from ganray.metrics.base import audible, extra, needed


def estoi(reference: np.ndarray | None, estimate: np.ndarray, sample_rate: int, audio: AudioConfig) -> float:
    """Extended STOI of `estimate`, (T,), against `reference`, (T,).

    Raises:
        DataError: One of them is silent, or less than 0.4 s of the reference is louder than silence.

    Source: Jensen and Taal, IEEE/ACM TASLP 24(11), 2016.
    """
    package = extra("pystoi", needed_for="eSTOI")
    reference = needed(reference, "estoi")
    audible(reference, "reference")
    audible(estimate, "estimate")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(package.stoi(reference, estimate, sample_rate, extended=True))
        except RuntimeWarning as error:
            raise DataError("too little speech for eSTOI", seconds=round(len(reference) / sample_rate, 3)) from error
