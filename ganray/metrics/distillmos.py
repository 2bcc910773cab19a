"""DistillMOS: how natural a listener would say it sounds, 1 to 5, without a reference."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.metrics.base import audible, extra

if TYPE_CHECKING:
    from torch import nn

RATE = 16_000
_one_at_a_time = threading.Lock()


def distillmos(reference: np.ndarray | None, estimate: np.ndarray, sample_rate: int, audio: AudioConfig) -> float:
    """Predicted mean opinion score of `estimate`, (T,), at 16 kHz. The reference is not looked at.

    Raises:
        DataError: The estimate is silent.

    Source: Stahl and Gamper, "Distillation and Pruning for Scalable Self-Supervised Representation-Based Speech
    Quality Assessment", ICASSP 2025.
    """
    import torch

    from ganray.audio import resample

    audible(estimate, "estimate")
    waveform = torch.from_numpy(resample(estimate, sample_rate, RATE))[None]
    with _one_at_a_time, _one_thread(), torch.inference_mode():
        return float(_model()(waveform))


@lru_cache(maxsize=1)
def _model() -> "nn.Module":
    """The network, loaded once a process."""
    import torch

    package = extra("distillmos", needed_for="DistillMOS")
    # Its own loading prints a line on stdout, which is not ours to write on.
    model = package.ConvTransformerSQAModel(load_weights=False)
    weights = torch.load(package.sqa.DEFAULT_WEIGHTS_CHKPT, map_location="cpu", weights_only=True)
    model.load_state_dict(weights["model"])
    return model.eval()


@contextmanager
def _one_thread() -> Iterator[None]:
    """The network is so small that a second thread makes it slower."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
