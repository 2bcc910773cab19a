"""The scale that a voice is read on: what signal processing without learning makes of the same recording."""

from typing import TYPE_CHECKING

import numpy as np

from ganray.config.audio import AudioConfig

if TYPE_CHECKING:
    from torch import Tensor

ITERATIONS = 32
_MOMENTUM = 0.99
_WORLD_FRAME_MS = 5.0


def griffin_lim(waveform: np.ndarray, audio: AudioConfig, seed: int = 0) -> np.ndarray:
    """Copy-synthesis of `waveform`, (T,): its own log-mel back to a waveform, (T,), with phases found by iteration.

    Magnitudes come from the mel bands by the pseudo-inverse of the filters; 32 iterations with momentum.

    Args:
        waveform: At the contract's sample rate.
        audio: The audio contract.
        seed: Of the phases it starts from.

    Source: Perraudin, Balazs and Søndergaard, "A fast Griffin-Lim algorithm", WASPAA 2013.
    """
    import torch

    from ganray.metrics.mel import log_mel

    with torch.inference_mode():
        log_magnitude = log_mel(audio)(torch.from_numpy(waveform.astype(np.float32))[None])[0]
    estimate = invert(log_magnitude.numpy(), audio, seed)
    return _fit(estimate, len(waveform))


def invert(mel: np.ndarray, audio: AudioConfig, seed: int = 0) -> np.ndarray:
    """A waveform, (F · hop_length,), whose log-mel is close to `mel`, (M, F): Griffin-Lim, as in `griffin_lim`."""
    import torch

    from ganray.audio.mel import exp, mel_filters

    with torch.inference_mode():
        bands = exp(torch.from_numpy(mel.astype(np.float32)), audio)
        magnitude = (torch.linalg.pinv(mel_filters(audio)) @ bands).clamp_min(0).T.contiguous()
        around = (audio.n_fft - audio.win_length) // 2
        window = torch.nn.functional.pad(
            torch.hann_window(audio.win_length), (around, audio.n_fft - audio.win_length - around)
        )
        overlap = _overlap_add(window.square().expand(mel.shape[1], -1), audio.hop_length).clamp_min(1e-3)

        def waveform_of(spectrum: torch.Tensor) -> torch.Tensor:
            frames = torch.fft.irfft(spectrum, audio.n_fft) * window
            return _overlap_add(frames, audio.hop_length) / overlap

        def spectrum_of(signal: torch.Tensor) -> torch.Tensor:
            return torch.stft(signal, audio.n_fft, audio.hop_length, window=window, center=False, return_complex=True).T

        turns = torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(seed))
        phase = torch.polar(torch.ones_like(magnitude), 2 * torch.pi * turns)
        before = torch.zeros_like(phase)
        for _ in range(ITERATIONS):
            projected = spectrum_of(waveform_of(magnitude * phase))
            phase = projected - _MOMENTUM / (1 + _MOMENTUM) * before
            # Not abs(): its care against overflow costs three times the whole transform.
            phase *= (phase.real.square() + phase.imag.square() + 1e-24).rsqrt()
            before = projected
        signal = waveform_of(magnitude * phase)
    return signal[audio.pad : audio.pad + mel.shape[1] * audio.hop_length].numpy()


def world(waveform: np.ndarray, audio: AudioConfig) -> np.ndarray:
    """WORLD copy-synthesis of `waveform`, (T,): F0 by dio and stonemask, envelope by cheaptrick, aperiodicity by d4c.

    Source: Morise, Yokomori and Ozawa, "WORLD", IEICE Transactions E99-D(7), 2016.
    """
    import pyworld

    rate, signal = audio.sample_rate, np.ascontiguousarray(waveform, dtype=np.float64)
    coarse, times = pyworld.dio(signal, rate, frame_period=_WORLD_FRAME_MS)
    f0 = pyworld.stonemask(signal, coarse, times, rate)
    envelope = pyworld.cheaptrick(signal, f0, times, rate)
    aperiodicity = pyworld.d4c(signal, f0, times, rate)
    return _fit(pyworld.synthesize(f0, envelope, aperiodicity, rate, _WORLD_FRAME_MS), len(waveform))


def noise(waveform: np.ndarray, audio: AudioConfig, seed: int = 0) -> np.ndarray:
    """White noise, (T,), as loud as `waveform`, (T,): the bottom of the scale."""
    from ganray.audio import loudness, normalise

    sound = np.random.default_rng(seed).standard_normal(len(waveform)).astype(np.float32)
    power = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
    sound *= min(power, 0.2)
    level = loudness(waveform, audio.sample_rate)
    return normalise(sound, audio.sample_rate, level) if np.isfinite(level) else sound


def _fit(waveform: np.ndarray, length: int) -> np.ndarray:
    """`waveform`, cut or filled with zeros to (length,) float32 in [-1, 1]."""
    waveform = np.clip(waveform[:length], -1, 1).astype(np.float32)
    return np.pad(waveform, (0, length - len(waveform)))


def _overlap_add(frames: "Tensor", hop_length: int) -> "Tensor":
    """(F, n_fft) frames, each `hop_length` after the one before, summed to (n_fft + (F - 1) · hop_length,)."""
    import torch

    num_frames, n_fft = frames.shape
    hops = -(-n_fft // hop_length)
    parts = torch.nn.functional.pad(frames, (0, hops * hop_length - n_fft)).reshape(num_frames, hops, hop_length)
    total = frames.new_zeros(num_frames + hops - 1, hop_length)
    for hop in range(hops):
        total[hop : hop + num_frames] += parts[:, hop]
    return total.reshape(-1)[: n_fft + (num_frames - 1) * hop_length]
