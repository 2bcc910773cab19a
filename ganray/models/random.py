"""Noise as a function of position: the same number comes out wherever a block begins, on any number of workers.

Counter-based, after Salmon et al. 2011 ("Parallel random numbers: as easy as 1, 2, 3"), with the mixing function of
splitmix64 (Steele et al. 2014).
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

_GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed number
_MIX_1 = -4658895280553007687  # 0xBF58476D1CE4E5B9
_MIX_2 = -7723592293110705685  # 0x94D049BB133111EB
_TABLE = 2**18
"""Places where a frame's noise may begin: two megabytes."""


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
    """(B, 1, F) keys to (B, num_bins, F) complex Gaussian noise of unit variance.

    Each frame is a stretch of one long table, from where its key says: a seventh of the time of making it anew.
    """
    stretches = _table(keys.device, num_bins).unfold(0, num_bins, 1)
    return stretches[keys[:, 0] & (_TABLE - 1)].transpose(1, 2)


@lru_cache(maxsize=4)
def _table(device: torch.device, num_bins: int) -> Tensor:
    """Complex noise that a stretch of `num_bins` can begin anywhere in the first _TABLE of."""
    with torch.inference_mode(False), torch.no_grad():
        return _gaussian(mix(torch.arange(_TABLE + num_bins, device=device)))


def _gaussian(bits: Tensor) -> Tensor:
    """int64 of any shape to complex Gaussian noise (Box & Muller 1958)."""
    radius = ((bits & 0xFFFFFF).float() + 1.0) / 2**24  # (0, 1]
    angle = (_shift(bits, 40)).float() / 2**24  # [0, 1)
    return polar((-radius.log()).sqrt(), 2 * math.pi * angle)


def polar(magnitude: Tensor, angle: Tensor) -> Tensor:
    """Complex numbers by magnitude and angle. torch's own takes 2.7 times as long: its sine and cosine are scalar."""
    return torch.complex(magnitude * angle.cos(), magnitude * angle.sin())


def normal(key: Tensor, size: int) -> Tensor:
    """(B,) keys to (B, size) Gaussian noise of unit variance."""
    noise = _gaussian(mix(mix(key)[:, None] + torch.arange((size + 1) // 2, device=key.device))) * math.sqrt(2)
    return torch.view_as_real(noise).flatten(1)[:, :size]


def _shift(value: Tensor, bits: int) -> Tensor:
    """Logical shift right; torch's is arithmetic."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)
