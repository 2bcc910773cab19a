"""Noise as a function of position: the same number comes out wherever a block begins, on any number of workers.

Counter-based, after Salmon et al. 2011 ("Parallel random numbers: as easy as 1, 2, 3"), with the mixing function of
splitmix64 (Steele et al. 2014).
"""

import math

import torch
from torch import Tensor

_GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed number
_MIX_1 = -4658895280553007687  # 0xBF58476D1CE4E5B9
_MIX_2 = -7723592293110705685  # 0x94D049BB133111EB


def mix(counter: Tensor) -> Tensor:
    """int64 of any shape to int64 that look independent."""
    value = counter * _GOLDEN
    value = (value ^ _shift(value, 30)) * _MIX_1
    value = (value ^ _shift(value, 27)) * _MIX_2
    return value ^ _shift(value, 31)


def frame_keys(key: Tensor, num_frames: int, start: int = 0) -> Tensor:
    """(B,) int64 keys to (B, 1, F) int64, one for every frame from `start` on."""
    frames = torch.arange(start, start + num_frames, device=key.device)
    return mix(mix(key)[:, None] + frames)[:, None]


def complex_normal(keys: Tensor, num_bins: int) -> Tensor:
    """(B, 1, F) keys to (B, num_bins, F) complex Gaussian noise of unit variance (Box & Muller 1958)."""
    bins = torch.arange(num_bins, device=keys.device)[:, None]
    bits = mix(keys + bins)
    radius = ((bits & 0xFFFFFF).float() + 1.0) / 2**24  # (0, 1]
    angle = (_shift(bits, 40)).float() / 2**24  # [0, 1)
    return polar((-radius.log()).sqrt(), 2 * math.pi * angle)


def polar(magnitude: Tensor, angle: Tensor) -> Tensor:
    """Complex numbers by magnitude and angle. torch's own takes 2.7 times as long: its sine and cosine are scalar."""
    return torch.complex(magnitude * angle.cos(), magnitude * angle.sin())


def normal(key: Tensor, size: int) -> Tensor:
    """(B,) keys to (B, size) Gaussian noise of unit variance."""
    noise = complex_normal(mix(key)[:, None, None], (size + 1) // 2)[..., 0] * math.sqrt(2)
    return torch.view_as_real(noise).flatten(1)[:, :size]


def _shift(value: Tensor, bits: int) -> Tensor:
    """Logical shift right; torch's is arithmetic."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)
