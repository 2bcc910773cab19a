"""Whether it is the same person."""

import threading
from functools import lru_cache
from typing import Any

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.metrics.base import audible, extra, needed

RATE = 16_000
LEVEL_DBFS = -30.0
"""RMS of what the network learned from. It hears powers, not their logarithms: at another level, another person."""
_one_at_a_time = threading.Lock()


def speaker(reference: np.ndarray | None, estimate: np.ndarray, sample_rate: int, audio: AudioConfig) -> float:
    """Cosine of the speaker embeddings of two waveforms, (T,) and (T',), which need not say the same.

    Both are brought to the level that the network learned from, as Resemblyzer does it; pauses are left as they are.

    Raises:
        ConfigError: Resemblyzer, whose wheel carries the model, is not installed.
        DataError: One of them is silent.

    Source: Wan et al., "Generalized end-to-end loss for speaker verification", ICASSP 2018; Resemblyzer's network.
    """
    reference = needed(reference, "speaker")
    audible(reference, "reference")
    audible(estimate, "estimate")
    theirs, ours = (_embedding(waveform.tobytes(), sample_rate) for waveform in (reference, estimate))
    return float(theirs @ ours / (np.linalg.norm(theirs) * np.linalg.norm(ours)))


@lru_cache(maxsize=3)
def _embedding(content: bytes, sample_rate: int) -> np.ndarray:
    from ganray.audio import resample

    waveform = resample(np.frombuffer(content, np.float32), sample_rate, RATE)
    waveform = waveform * (10 ** (LEVEL_DBFS / 20) / np.sqrt(np.mean(np.square(waveform))))
    # The network hears 1.6 s at a time: what is shorter is filled up with silence.
    waveform = np.pad(waveform, (0, max(0, round(1.7 * RATE) - len(waveform))))
    with _one_at_a_time:
        return _encoder().embed_utterance(waveform)


@lru_cache(maxsize=1)
def _encoder() -> Any:
    """The network, loaded once a process."""
    mend = "pip install webrtcvad-wheels && pip install --no-deps resemblyzer"
    return extra("resemblyzer", needed_for="speaker similarity", mend=mend).VoiceEncoder("cpu", verbose=False)
