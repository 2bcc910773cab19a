"""Multi-resolution STFT distance: errors that a mel band or one window length would hide."""

from typing import TYPE_CHECKING

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.metrics.base import needed

if TYPE_CHECKING:
    from torch import Tensor

RESOLUTIONS_MS = ((20.0, 5.0), (40.0, 10.0), (80.0, 20.0))
"""(window, hop). In milliseconds, so that values at different sample rates mean the same."""
FLOOR = 1e-5


def stft(reference: np.ndarray | None, estimate: np.ndarray, sample_rate: int, audio: AudioConfig) -> float:
    """Mean over three resolutions of spectral convergence plus mean absolute difference of the log magnitudes.

    Spectral convergence is ‖|X| - |Y|‖ / ‖|X|‖ with X the reference, (T,), and Y the estimate, (T,).

    Source: Yamamoto, Song and Kim, "Parallel WaveGAN", ICASSP 2020, equations 4 to 6.
    """
    import torch

    pair = torch.from_numpy(np.stack([needed(reference, "stft"), estimate]))
    with torch.inference_mode():
        values = [_distance(pair, sample_rate, *resolution) for resolution in RESOLUTIONS_MS]
    return sum(values) / len(values)


def _distance(pair: "Tensor", sample_rate: int, window_ms: float, hop_ms: float) -> float:
    import torch

    window = round(window_ms * sample_rate / 1000)
    n_fft = 2 ** (window - 1).bit_length()
    pair = torch.nn.functional.pad(pair, (n_fft // 2, n_fft // 2))
    real, fake = torch.stft(
        pair,
        n_fft,
        round(hop_ms * sample_rate / 1000),
        window,
        torch.hann_window(window),
        center=False,
        return_complex=True,
    ).abs()
    convergence = torch.linalg.norm(real - fake) / torch.linalg.norm(real).clamp_min(FLOOR)
    logs = (real.clamp_min(FLOOR).log() - fake.clamp_min(FLOOR).log()).abs().mean()
    return float(convergence + logs)
