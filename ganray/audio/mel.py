"""The one log-mel spectrogram. Datasets, losses, voices and services all compute it here."""

import functools
import math

import numpy as np
import torch
import torchaudio
from torch import Tensor, nn

from ganray.config.audio import AudioConfig


class LogMel(nn.Module):
    """Waveform to log-mel spectrogram, as the audio contract says.

    T samples give T // hop_length frames: the ends are padded by `audio.pad` on each side, and frame i covers the
    samples from i·hop_length - pad on.

    Args:
        audio: The audio contract.
    """

    def __init__(self, audio: AudioConfig) -> None:
        super().__init__()
        self.audio = audio
        self.register_buffer("window", torch.hann_window(audio.win_length), persistent=False)
        self.register_buffer("filters", mel_filters(audio), persistent=False)
        self.window: Tensor
        self.filters: Tensor

    def forward(self, waveform: Tensor, *, padded: bool = False) -> Tensor:
        """
        Args:
            waveform: (B, 1, T) or (B, T) in [-1, 1].
            padded: The waveform already has `audio.pad` real samples on each side, so none are made up.

        Returns:
            (B, M, F) natural or decimal logarithm of the mel magnitudes, not below the floor.
        """
        return log(self.filters @ self.magnitude(waveform, padded=padded), self.audio)

    def magnitude(self, waveform: Tensor, *, padded: bool = False) -> Tensor:
        """(B, n_fft / 2 + 1, F) linear magnitudes of `waveform`, (B, 1, T) or (B, T)."""
        waveform = waveform.reshape(waveform.shape[0], waveform.shape[-1]).float()
        if not padded:
            waveform = pad(waveform, self.audio)
        spectrum = torch.stft(
            waveform,
            self.audio.n_fft,
            self.audio.hop_length,
            self.audio.win_length,
            self.window,
            center=False,
            return_complex=True,
        )
        if self.audio.centered:  # a last frame would stand behind the last hop
            spectrum = spectrum[..., :-1]
        if not self.audio.epsilon:
            return spectrum.abs()
        return (spectrum.real**2 + spectrum.imag**2 + self.audio.epsilon).sqrt()


@functools.cache
def _log_mel(audio: AudioConfig) -> LogMel:
    return LogMel(audio)


def log_mel(waveform: np.ndarray, audio: AudioConfig) -> np.ndarray:
    """(T,) waveform to its (M, F) float32 log-mel spectrogram; a last part shorter than a frame is left out."""
    with torch.inference_mode():
        return _log_mel(audio)(torch.from_numpy(np.ascontiguousarray(waveform, np.float32))[None])[0].numpy()


def pad(waveform: Tensor, audio: AudioConfig) -> Tensor:
    """Lengthen `waveform`, (B, T), by `audio.pad` samples on each side."""
    # A reflection can't be longer than what it reflects.
    mode = audio.padding if waveform.shape[-1] > audio.pad else "constant"
    return nn.functional.pad(waveform[:, None], (audio.pad, audio.pad), mode=mode)[:, 0]


def log(magnitude: Tensor, audio: AudioConfig) -> Tensor:
    """Logarithm of magnitudes in the contract's base, with its floor."""
    value = magnitude.clamp_min(audio.floor).log()
    return value / math.log(10) if audio.log_base == "10" else value


def exp(log_magnitude: Tensor, audio: AudioConfig) -> Tensor:
    """Magnitudes from logarithms in the contract's base."""
    return (log_magnitude * math.log(10) if audio.log_base == "10" else log_magnitude).exp()


def silence(audio: AudioConfig) -> float:
    """What a log-mel spectrogram holds where there is no sound."""
    return float(log(torch.zeros(()), audio))


def louder(mel: Tensor, decibels: Tensor, audio: AudioConfig) -> Tensor:
    """A log-mel spectrogram of so many decibels more."""
    return mel + decibels / 20 * (1.0 if audio.log_base == "10" else math.log(10))


def mel_filters(audio: AudioConfig) -> Tensor:
    """(M, n_fft / 2 + 1) triangular filterbank."""
    return torchaudio.functional.melscale_fbanks(
        audio.n_fft // 2 + 1,
        audio.f_min,
        audio.f_max,
        audio.n_mels,
        audio.sample_rate,
        norm=None if audio.mel_norm == "none" else audio.mel_norm,
        mel_scale=audio.mel_scale,
    ).T.contiguous()
