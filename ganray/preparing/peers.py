"""Preparation as it is done elsewhere, written plainly: one process, a clip at a time, librosa. For `bench prepare`.

What each does follows the tools' own documentation; the code is ours. They do less than `prepare`: no F0, no loudness,
no audit. `same_work` makes what `prepare` stores, with librosa's functions for it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.metrics.base import extra

Clip = tuple[Path, str]
"""A recording's file and its text."""


def parallel_wavegan(clips: Sequence[Clip], out: Path, audio: AudioConfig) -> None:
    """As ParallelWaveGAN's recipes: trim, log-mel, both stored; then statistics of all, and all normalised by them."""
    librosa = _librosa()
    stored: list[Path] = []
    for file, _ in clips:
        waveform, _ = librosa.load(file, sr=audio.sample_rate)
        waveform, _ = librosa.effects.trim(waveform, top_db=60, frame_length=2048, hop_length=512)
        spectrum = np.abs(librosa.stft(waveform, n_fft=audio.n_fft, hop_length=audio.hop_length, pad_mode="reflect"))
        basis = librosa.filters.mel(
            sr=audio.sample_rate, n_fft=audio.n_fft, n_mels=audio.n_mels, fmin=audio.f_min, fmax=audio.f_max
        )
        mel = np.log10(np.maximum(1e-10, spectrum.T @ basis.T))
        stored.append(out / f"{len(stored)}-feats.npy")
        np.save(out / f"{len(stored)}-wave.npy", waveform)
        np.save(stored[-1], mel.astype(np.float32))
    count, total, squares = 0, np.zeros(audio.n_mels), np.zeros(audio.n_mels)
    for path in stored:
        mel = np.load(path)
        count, total, squares = count + len(mel), total + mel.sum(0), squares + np.square(mel).sum(0)
    mean, deviation = total / count, np.sqrt(np.maximum(squares / count - np.square(total / count), 1e-12))
    for path in stored:
        np.save(path.with_suffix(".norm.npy"), ((np.load(path) - mean) / deviation).astype(np.float32))


def piper(clips: Sequence[Clip], out: Path, audio: AudioConfig) -> None:
    """As Piper: phonemes, silence off, the waveform and its linear spectrogram stored as tensors.

    Piper trims by a network for voice activity; librosa's trimming, which is quicker, stands for it.
    """
    import torch

    from ganray.text import front_end

    librosa = _librosa()
    window = torch.hann_window(audio.n_fft)
    for number, (file, text) in enumerate(clips):
        front_end("english").phonemize(text)
        waveform, _ = librosa.load(file, sr=audio.sample_rate)
        waveform, _ = librosa.effects.trim(waveform, top_db=40)
        tensor = torch.from_numpy(waveform)
        spectrum = torch.stft(tensor, audio.n_fft, audio.hop_length, window=window, return_complex=True).abs()
        torch.save(tensor, out / f"{number}.pt")
        torch.save(spectrum, out / f"{number}.spec.pt")


def same_work(clips: Sequence[Clip], out: Path, audio: AudioConfig) -> None:
    """What `prepare` stores, done plainly: trimmed, at one loudness, as FLAC, with F0, energy and phonemes."""
    import soundfile

    from ganray.audio import normalise
    from ganray.text import front_end

    librosa = _librosa()
    for number, (file, text) in enumerate(clips):
        front_end("english").phonemize(text)
        waveform, _ = librosa.load(file, sr=audio.sample_rate)
        waveform, _ = librosa.effects.trim(waveform, top_db=40)
        waveform = normalise(waveform, audio.sample_rate, -23.0)
        f0, _, _ = librosa.pyin(waveform, fmin=65, fmax=600, sr=audio.sample_rate, hop_length=audio.hop_length)
        energy = librosa.feature.rms(y=waveform, frame_length=audio.n_fft, hop_length=audio.hop_length)
        soundfile.write(out / f"{number}.flac", waveform, audio.sample_rate, subtype="PCM_16")
        np.savez(out / f"{number}.npz", f0=np.nan_to_num(f0), energy=energy)


PEERS: dict[str, Callable[[Sequence[Clip], Path, AudioConfig], None]] = {
    "parallel_wavegan": parallel_wavegan,
    "piper": piper,
    "same_work": same_work,
}
"""Name → what prepares clips into a folder."""


def _librosa() -> ModuleType:
    return extra("librosa", needed_for="the peers of bench prepare")
