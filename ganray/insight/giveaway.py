"""What gives a fake away: which parts of the spectrogram the judges' verdict hangs on, by integrated gradients."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ganray.audio import mel_filters
from ganray.config import AudioConfig
from ganray.insight.judges import Panel

STEPS = 24
"""Points on the way from the fake to the recording. The judges are piecewise linear: more changes the second digit."""


@dataclass(frozen=True)
class Giveaway:
    """Attribution of a verdict to cells of the short-time spectrum of real - fake.

    Attributes:
        cells: (bins, F) how much the verdict would rise if this cell were the recording's; they add up to
            `real - fake`, but for the quadrature.
        difference: (bins, F) magnitude of real - fake.
        real: The judges' score of the recording.
        fake: Of the voice.
    """

    cells: np.ndarray
    difference: np.ndarray
    real: float
    fake: float

    @property
    def completeness(self) -> float:
        """Sum of the attributions over what they explain: 1 where the integral is exact."""
        return float(self.cells.sum() / (self.real - self.fake)) if self.real != self.fake else float("nan")


def give_away(panel: Panel, real: np.ndarray, fake: np.ndarray, audio: AudioConfig, steps: int = STEPS) -> Giveaway:
    """Why the judges tell `fake`, (T,), from `real`, (T,).

    Source: Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", ICML 2017: here along the straight
    line from the fake to the recording, in the short-time Fourier domain, whose inverse is linear, so that the sum over
    cells is the difference of the two scores.
    """
    ours, theirs = (torch.from_numpy(np.ascontiguousarray(x, np.float32))[None, None] for x in (fake, real))
    gap = theirs - ours
    gradient = torch.zeros_like(gap)
    for place, weight in quadrature(steps):
        point = (ours + place * gap).requires_grad_()
        panel.score(point).sum().backward()
        assert point.grad is not None
        gradient += weight * point.grad
    spectrum = _stft(gap, audio).detach().requires_grad_()
    (_istft(spectrum, audio, gap.shape[-1]) * gradient).sum().backward()
    assert spectrum.grad is not None
    cells = (spectrum.detach() * spectrum.grad.conj()).real[0]
    with torch.inference_mode():
        score = [float(panel.score(x)) for x in (theirs, ours)]
    return Giveaway(cells.numpy(), spectrum.detach().abs()[0].numpy(), *score)


def quadrature(points: int) -> list[tuple[float, float]]:
    """(place, weight) of Gauss and Legendre's rule from 0 to 1: closest at the ends, where logarithms turn fastest."""
    places, weights = np.polynomial.legendre.leggauss(points)
    return [(float(place + 1) / 2, float(weight) / 2) for place, weight in zip(places, weights, strict=True)]


def mended(real: np.ndarray, fake: np.ndarray, cells: np.ndarray, audio: AudioConfig) -> np.ndarray:
    """`fake`, (T,), with the recording's spectrum in the cells, (bins, F) bool, that are chosen."""
    gap = torch.from_numpy((real - fake).astype(np.float32))[None, None]
    part = _istft(_stft(gap, audio) * torch.from_numpy(cells), audio, gap.shape[-1])
    return fake + part[0, 0].numpy()


def in_bands(cells: np.ndarray, audio: AudioConfig) -> np.ndarray:
    """(bins, F) to (M, F) mel bands with the same sum: every bin is shared out among the bands that hear it."""
    filters = mel_filters(audio).numpy()
    shares = filters / np.maximum(filters.sum(0), 1e-12)
    unheard = filters.sum(0) == 0
    nearest = np.abs(np.flatnonzero(unheard)[:, None] - filters.argmax(1)[None]).argmin(1)
    shares[nearest, np.flatnonzero(unheard)] = 1
    return shares @ cells


def _stft(waveform: Tensor, audio: AudioConfig) -> Tensor:
    window = torch.hann_window(audio.win_length)
    return torch.stft(
        waveform[:, 0],
        audio.n_fft,
        audio.hop_length,
        audio.win_length,
        window,
        return_complex=True,
        pad_mode="constant",
    )


def _istft(spectrum: Tensor, audio: AudioConfig, length: int) -> Tensor:
    window = torch.hann_window(audio.win_length)
    return torch.istft(spectrum, audio.n_fft, audio.hop_length, audio.win_length, window, length=length)[:, None]
