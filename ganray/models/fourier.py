"""From spectra to waveforms, in fp32, with the frames of the audio contract: F frames give F · hop_length samples."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganray.audio.mel import exp, mel_filters, pad
from ganray.config import AudioConfig


@dataclass(frozen=True)
class Grid:
    """Frames of another size than the audio contract's, for transforms inside a network."""

    n_fft: int
    hop_length: int

    @property
    def win_length(self) -> int:
        """Samples of the window."""
        return self.n_fft

    @property
    def pad(self) -> int:
        """Samples of a first frame before the first hop."""
        return (self.n_fft - self.hop_length) // 2


class InverseSTFT(nn.Module):
    """Overlap-add of windowed inverse Fourier transforms, divided by the windows' sum of squares.

    Frame i covers the samples from i·hop_length - pad on, as in `ganray.audio.LogMel`.
    """

    def __init__(self, audio: AudioConfig | Grid) -> None:
        super().__init__()
        self.audio = audio
        self.overlap = -(-audio.n_fft // audio.hop_length)  # frames that meet in one sample
        self.register_buffer("window", _window(audio), persistent=False)
        self.window: Tensor

    @property
    def context_frames(self) -> int:
        """Frames on each side that a frame's samples take part in."""
        return -(-self.audio.pad // self.audio.hop_length)

    def forward(self, spectrum: Tensor) -> Tensor:
        """(B, n_fft / 2 + 1, F) complex to (B, F · hop_length)."""
        frames = torch.fft.irfft(spectrum, self.audio.n_fft, dim=1).transpose(1, 2) * self.window
        energy = (self.window**2).expand(1, spectrum.shape[-1], -1)
        return self._overlap_add(frames) / self._overlap_add(energy).clamp_min(1e-8)

    def _overlap_add(self, frames: Tensor) -> Tensor:
        """(B, F, n_fft) to (B, F · hop_length)."""
        hop, num_frames = self.audio.hop_length, frames.shape[1]
        frames = nn.functional.pad(frames, (0, self.overlap * hop - self.audio.n_fft))
        total = frames.new_zeros(frames.shape[0], num_frames + self.overlap - 1, hop)
        for i in range(self.overlap):
            total[:, i : i + num_frames] += frames[..., i * hop : (i + 1) * hop]
        return total.flatten(1)[:, self.audio.pad : self.audio.pad + num_frames * hop]


class ForwardSTFT(nn.Module):
    """(B, T) waveforms to (B, n_fft / 2 + 1, T / hop_length) complex spectra."""

    def __init__(self, audio: AudioConfig) -> None:
        super().__init__()
        self.audio = audio
        self.register_buffer("window", _window(audio), persistent=False)
        self.window: Tensor

    def forward(self, waveform: Tensor) -> Tensor:
        audio = self.audio
        padded = pad(waveform, audio)
        spectrum = torch.stft(
            padded, audio.n_fft, audio.hop_length, audio.n_fft, self.window, center=False, return_complex=True
        )
        return spectrum[..., :-1] if audio.centered else spectrum


class InverseMel(nn.Module):
    """A linear-frequency magnitude from a log-mel spectrogram, by the pseudo-inverse of the filterbank.

    As a prior for the generator after FreeV (Lv et al. 2024).
    """

    def __init__(self, audio: AudioConfig) -> None:
        super().__init__()
        self.audio = audio
        self.register_buffer("inverse", torch.linalg.pinv(mel_filters(audio)), persistent=False)
        self.inverse: Tensor

    def forward(self, mel: Tensor) -> Tensor:
        """(B, M, F) log-mel to (B, n_fft / 2 + 1, F) magnitudes, not below the floor."""
        # Frames outermost in memory, as in all that this is multiplied with.
        magnitudes = exp(mel.float(), self.audio).transpose(1, 2) @ self.inverse.T
        return magnitudes.clamp_min(self.audio.floor).transpose(1, 2)


def _window(audio: AudioConfig | Grid) -> Tensor:
    """Hann window of win_length in the middle of n_fft."""
    before = (audio.n_fft - audio.win_length) // 2
    return nn.functional.pad(torch.hann_window(audio.win_length), (before, audio.n_fft - audio.win_length - before))
