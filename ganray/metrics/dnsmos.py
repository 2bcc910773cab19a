"""DNSMOS P.808: how clean a listener would say it sounds, 1 to 5, without a reference."""

import threading

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.metrics.base import audible, extra

RATE = 16_000
_one_at_a_time = threading.Lock()


def dnsmos(reference: np.ndarray | None, estimate: np.ndarray, sample_rate: int, audio: AudioConfig) -> float:
    """Predicted P.808 mean opinion score of `estimate`, (T,), at 16 kHz. The reference is not looked at.

    Raises:
        ConfigError: speechmos, whose wheel carries the model, is not installed.
        DataError: The estimate is silent.

    Source: Reddy, Gopal and Cutler, "DNSMOS", ICASSP 2021.
    """
    from ganray.audio import resample

    audible(estimate, "estimate")
    package = extra("speechmos.dnsmos", needed_for="DNSMOS", mend="pip install speechmos")
    waveform = np.clip(resample(estimate, sample_rate, RATE), -1, 1)
    with _one_at_a_time:
        return float(package.run(waveform, sr=RATE)["p808_mos"])
