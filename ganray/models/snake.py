"""Periodic activations without aliasing (BigVGAN, Lee et al. 2023, after Ziyin et al. 2020 and Karras et al. 2021)."""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

TAPS = 12
"""Of the low-pass filters."""
REACH = 5
"""Steps on each side that `AliasFree` sees: 12 taps at twice the rate, up and down again."""

SnakeKind = Literal["snake", "snakebeta"]


class Snake(nn.Module):
    """x + sin²(αx) / β, with an α and a β of each channel; in `snake`, β is α.

    Args:
        channels: C.
        kind: `snake` or `snakebeta`.
        log_scale: The parameters are logarithms of α and β.
    """

    def __init__(self, channels: int, kind: SnakeKind = "snakebeta", log_scale: bool = True) -> None:
        super().__init__()
        self.log_scale = log_scale
        start = torch.zeros(channels) if log_scale else torch.ones(channels)
        self.alpha = nn.Parameter(start.clone())
        self.beta = nn.Parameter(start.clone()) if kind == "snakebeta" else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to the same."""
        alpha = self.alpha[:, None]
        beta = alpha if self.beta is None else self.beta[:, None]
        if self.log_scale:
            alpha, beta = alpha.exp(), beta.exp()
        return x + (x * alpha).sin().square() / (beta + 1e-9)


class AliasFree(nn.Module):
    """An activation at twice the rate, so that the overtones it makes are filtered out instead of folded back."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation
        self.register_buffer("taps", kaiser_sinc(0.25, 0.3, TAPS), persistent=False)
        self.taps: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to the same; beyond the ends stands the last value."""
        x = self.activation(self._twice(x))
        channels = x.shape[1]
        padded = functional.pad(x, (TAPS // 2 - 1, TAPS // 2), mode="replicate")
        return functional.conv1d(padded, self._each(x), stride=2, groups=channels)

    def _twice(self, x: Tensor) -> Tensor:
        padded = functional.pad(x, (REACH, REACH), mode="replicate")
        made = functional.conv_transpose1d(padded, 2 * self._each(x), stride=2, groups=x.shape[1])
        cut = 2 * REACH + (TAPS - 2) // 2
        return made[..., cut:-cut]

    def _each(self, x: Tensor) -> Tensor:
        return self.taps.to(x.dtype).expand(x.shape[1], 1, -1)


def kaiser_sinc(cutoff: float, half_width: float, taps: int) -> Tensor:
    """(taps,) low-pass filter that sums to one: a sinc under Kaiser's window (Kaiser 1974).

    Args:
        cutoff: Cycles a step.
        half_width: Half of the transition band, cycles a step.
        taps: An even number.
    """
    attenuation = 2.285 * (taps // 2 - 1) * math.pi * 4 * half_width + 7.95  # dB
    if attenuation > 50:
        beta = 0.1102 * (attenuation - 8.7)
    else:
        beta = 0.5842 * max(attenuation - 21, 0) ** 0.4 + 0.07886 * max(attenuation - 21, 0)
    time = torch.arange(taps, dtype=torch.float64) - (taps - 1) / 2
    window = torch.kaiser_window(taps, periodic=False, beta=beta, dtype=torch.float64)
    filters = torch.sinc(2 * cutoff * time) * window
    return (filters / filters.sum()).float()
