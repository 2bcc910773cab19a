"""Multi-band iSTFT: small spectra of N sub-bands, whose samples a filterbank joins (the waveform decoder of
MB-iSTFT-VITS, Kawamura et al. 2023). The defaults are the paper's.

Departs from the paper: it speaks from a log-mel instead of a latent; no loss on sub-bands, only on the waveform.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu
from torch.nn.utils.parametrizations import weight_norm

from ganray.config import AudioConfig
from ganray.models import contract
from ganray.models.filterbank import Filterbank
from ganray.models.fourier import Grid, InverseSTFT
from ganray.models.generators.istftnet import small_spectra
from ganray.models.upsampling import EDGE, Size, UpsamplingConfig, UpsamplingGenerator


class Config(UpsamplingConfig):
    """Sizes; the defaults are the paper's."""

    type: Literal["mb_istft"] = "mb_istft"
    upsample_rates: tuple[Size, ...] = (4, 4)
    """Factors of the transposed convolutions; times bands and last_n_fft / 4 they give audio.hop_length."""
    upsample_kernels: tuple[Size, ...] = (16, 16)
    """Their kernels; each as long as its rate or longer by an even number."""
    bands: int = Field(4, ge=2, le=8)
    """Sub-bands."""
    last_n_fft: int = Field(16, ge=4, multiple_of=4)
    """Size of the small transform, in samples of a sub-band."""

    @property
    def later_factor(self) -> int:
        return self.last_n_fft // 4 * self.bands


class Generator(UpsamplingGenerator):
    """Log-mel to waveform."""

    def __init__(self, config: Config, audio: AudioConfig) -> None:
        super().__init__(config, audio)
        width = config.bands * (config.last_n_fft + 2)
        self.out = weight_norm(nn.Conv1d(self.last_channels, width, 2 * EDGE + 1, padding=EDGE))
        self.inverse_stft = InverseSTFT(Grid(config.last_n_fft, config.last_n_fft // 4))
        self.filterbank = Filterbank(config.bands)

    @property
    def context_frames(self) -> int:
        steps = -(-self.filterbank.reach // (self.config.last_n_fft // 4))
        around = EDGE + self.inverse_stft.context_frames + steps
        return self.frames_around(around, around)

    def forward(self, inputs: contract.Inputs) -> Tensor:
        x = self.out(leaky_relu(self.upsampled(inputs["mel"]))).float()
        bands = self.inverse_stft(small_spectra(x.unflatten(1, (self.config.bands, -1)).flatten(0, 1)))
        return self.filterbank(bands.unflatten(0, (-1, self.config.bands))).clamp(-1, 1)
