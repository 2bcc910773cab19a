"""PESQ: how far a listener would say the estimate is from its reference, 1.04 to 4.64."""

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.errors import DataError
from ganray.metrics.base import audible, extra, needed

RATE = 16_000
LONGEST_S = 15.0
"""The ITU code has room for 50 utterances and writes past the end with more: 31 s can crash the process, 15 s can't.
The standard itself is made for 8 to 12 s."""
SHORTEST_S = 0.25


def pesq(reference: np.ndarray | None, estimate: np.ndarray, sample_rate: int, audio: AudioConfig) -> float:
    """Wide-band PESQ of `estimate`, (T,), against `reference`, (T,): at 16 kHz, in pieces of at most 15 s.

    Raises:
        DataError: One of them is silent, has no utterance, or is shorter than 0.25 s.

    Source: ITU-T P.862.2.
    """
    package = extra("pesq", needed_for="PESQ")
    from ganray.audio import resample

    reference = needed(reference, "pesq")
    audible(reference, "reference")
    audible(estimate, "estimate")
    reference, estimate = (resample(waveform, sample_rate, RATE) for waveform in (reference, estimate))
    pieces = max(1, int(np.ceil(len(reference) / (LONGEST_S * RATE))))
    total = 0.0
    for real, fake in zip(np.array_split(reference, pieces), np.array_split(estimate, pieces), strict=True):
        try:
            total += len(real) * package.pesq(RATE, real, fake, "wb")
        except package.BufferTooShortError as error:
            raise DataError("too short for PESQ", seconds=round(len(real) / RATE, 3), shortest=SHORTEST_S) from error
        except package.NoUtterancesError as error:
            raise DataError("PESQ finds no utterance in it") from error
        except (package.PesqError, ValueError) as error:
            raise DataError(f"PESQ failed: {error}") from error
    return total / len(reference)
