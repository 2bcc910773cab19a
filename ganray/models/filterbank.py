"""Pseudo-quadrature mirror filters: a waveform as bands of a fraction of its rate, and back (Nguyen 1994).

The prototype is a sinc under Kaiser's window whose cutoff is searched for the flattest sum of bands (Lin & Vaidyanathan
1998); sizes and β are those of multi-band MelGAN (Yang et al. 2021).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

TAPS = 63
BETA = 9.0


class Filterbank(nn.Module):
    """Cosine-modulated filters of N bands.

    Args:
        bands: N.
    """

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.bands = bands
        time = torch.arange(TAPS, dtype=torch.float64) - TAPS // 2
        band = torch.arange(bands, dtype=torch.float64)[:, None]
        turn = (2 * band + 1) * math.pi / (2 * bands) * time
        shift = math.pi / 4 * (1 - 2 * (band % 2))
        prototype = _prototype(bands)
        self.register_buffer("apart", (2 * prototype * (turn + shift).cos()).float()[:, None], persistent=False)
        self.register_buffer("together", (2 * prototype * (turn - shift).cos()).float()[:, None], persistent=False)
        self.apart: Tensor
        self.together: Tensor

    @property
    def reach(self) -> int:
        """Steps of the bands on each side that a step of the waveform is made from."""
        return -(-(TAPS // 2) // self.bands)

    def analyse(self, waveform: Tensor) -> Tensor:
        """(B, 1, T) to (B, N, T / N)."""
        return functional.conv1d(waveform, self.apart, stride=self.bands, padding=TAPS // 2)

    def forward(self, bands: Tensor) -> Tensor:
        """(B, N, T / N) to (B, 1, T)."""
        whole = bands.shape[-1] * self.bands
        made = functional.conv_transpose1d(self.bands * bands, self.together.flip(-1), stride=self.bands)
        return made[..., TAPS // 2 : TAPS // 2 + whole]


def _prototype(bands: int) -> Tensor:
    """(TAPS,) float64: the cutoff is where the filter's autocorrelation is nearest to zero at multiples of 2N."""
    time = torch.arange(TAPS, dtype=torch.float64) - TAPS // 2
    window = torch.kaiser_window(TAPS, periodic=False, beta=BETA, dtype=torch.float64)

    def made(cutoff: float) -> Tensor:
        return 2 * cutoff * torch.sinc(2 * cutoff * time) * window

    def ripple(cutoff: float) -> float:
        filters = made(cutoff)
        products = functional.conv1d(filters[None, None], filters[None, None], padding=TAPS - 1)[0, 0]
        return float(products[TAPS - 1 + 2 * bands :: 2 * bands].abs().max() / products[TAPS - 1])

    low, high = 1 / (4 * bands), 1.5 / (4 * bands)
    for _ in range(60):  # a ternary search
        third = (high - low) / 3
        if ripple(low + third) < ripple(high - third):
            high -= third
        else:
            low += third
    return made((low + high) / 2)
