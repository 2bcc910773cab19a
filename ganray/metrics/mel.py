"""Distance between log-mel spectrograms: what a mel voice was asked for against what it gave."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.errors import AudioContractError
from ganray.metrics.base import needed

if TYPE_CHECKING:
    from ganray.audio import LogMel


def mel(reference: np.ndarray | None, estimate: np.ndarray, sample_rate: int, audio: AudioConfig) -> float:
    """Mean absolute difference of the log-mel spectrograms of two waveforms, (T,), under the audio contract.

    Source: the mel loss of Kong, Kim and Bae, "HiFi-GAN", NeurIPS 2020, equation 3, as a measure.

    Raises:
        AudioContractError: The waveforms are not at the contract's sample rate.
    """
    import torch

    if sample_rate != audio.sample_rate:
        raise AudioContractError(
            "waveform and audio contract disagree on sample_rate",
            got=sample_rate,
            want=audio.sample_rate,
            mend=f"resample to {audio.sample_rate} Hz",
        )
    pair = torch.from_numpy(np.stack([needed(reference, "mel"), estimate]))
    with torch.inference_mode():
        first, second = log_mel(audio)(pair)
        return float((first - second).abs().mean())


@lru_cache(maxsize=8)
def log_mel(audio: AudioConfig) -> "LogMel":
    """The contract's log-mel; its filters are computed once a process."""
    from ganray.audio import LogMel

    return LogMel(audio)
