"""DistillMOS: how natural a listener would say it sounds, 1 to 5, without a reference."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.metrics.base import audible, extra

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


def local_features(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """(F, 200) float32, a row every 20 ms: what goes into its transformer, where each row has heard 0.15 s.

    Args:
        waveform: (T,). Its level is left as it is.
        sample_rate: Hz.
    """
    import torch

    from ganray.audio import resample

    shortest = np.zeros(RATE // 10, np.float32)  # its first layer can't do with less
    signal = resample(waveform, sample_rate, RATE)
    signal = np.concatenate([signal, shortest[: max(0, len(shortest) - len(signal))]])
    with _one_at_a_time, _one_thread(), torch.inference_mode():
        model = _model()
        network = model.transformer_pool_attn
        frames = network.transformer.norm(network.norm_input(model.cnn(torch.from_numpy(signal)[None])))
        return network.transformer.linear_proj(frames.transpose(-1, -2))[0].numpy()


@lru_cache(maxsize=1)
def _model() -> Any:
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
