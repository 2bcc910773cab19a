"""What stands around a text voice's networks, in numpy: the same numbers as `ganray.models` gives in torch.

Shapes: F frames, M mels. All arrays are those of one item, (1, …), as the networks take them.
"""

import math
from functools import lru_cache

import numpy as np

from ganray.config import AudioConfig

_TABLE = 2**18
_GOLDEN, _MIX_1, _MIX_2 = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def mix(counter: np.ndarray) -> np.ndarray:
    """As `ganray.models.random.mix`: int64 to int64 that look independent."""
    value = np.asarray(counter, np.int64).view(np.uint64)
    with np.errstate(over="ignore"):
        value = value * _GOLDEN
        value = (value ^ (value >> np.uint64(30))) * _MIX_1
        value = (value ^ (value >> np.uint64(27))) * _MIX_2
    return (value ^ (value >> np.uint64(31))).view(np.int64)


def frame_keys(key: np.ndarray, num_frames: int) -> np.ndarray:
    """(1,) int64 to (1, 1, F)."""
    return mix(mix(key)[:, None] + np.arange(num_frames))[:, None]


def complex_normal(keys: np.ndarray, num_bins: int) -> np.ndarray:
    """(1, 1, F) keys to (F, num_bins) complex noise."""
    starts = keys[0, 0] & (_TABLE - 1)
    return np.lib.stride_tricks.sliding_window_view(_table(num_bins), num_bins)[starts]


@lru_cache(maxsize=1)
def _table(num_bins: int) -> np.ndarray:
    bits = mix(np.arange(_TABLE + num_bins))
    radius = ((bits & 0xFFFFFF).astype(np.float32) + np.float32(1)) / np.float32(2**24)
    angle = ((bits >> 40) & 0xFFFFFF).astype(np.float32) / np.float32(2**24)
    return polar(np.sqrt(-np.log(radius)), np.float32(2 * math.pi) * angle)


def polar(magnitude: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Complex numbers by magnitude and angle."""
    out = np.empty(angle.shape, np.complex64)
    out.real, out.imag = magnitude * np.cos(angle), magnitude * np.sin(angle)
    return out


def fill_unvoiced(f0: np.ndarray) -> np.ndarray:
    """(F,) Hz with 0 where unvoiced to (F,) without gaps: geometric interpolation, ends held, 150 Hz if none."""
    voiced = np.flatnonzero(f0 > 0)
    if not len(voiced):
        return np.full_like(f0, 150.0)
    log_f0 = np.interp(np.arange(len(f0)), voiced, np.log(f0[voiced]))
    return np.exp(log_f0).astype(np.float32)


def phase_at_frames(f0: np.ndarray, start: float, audio: AudioConfig) -> np.ndarray:
    """(F,) Hz to (F,) float64, cycles at the middle of each frame."""
    track = f0.astype(np.float64)
    advance = (track[1:] + track[:-1]) * (audio.hop_length / 2 / audio.sample_rate)
    return (start + np.concatenate([[0.0], np.cumsum(advance)])) % 1.0


def pulse_train(f0: np.ndarray, phase: np.ndarray, audio: AudioConfig) -> np.ndarray:
    """(F,) Hz and (F,) cycles to (F · hop_length,) float32: all harmonics below f_max, of amplitude one."""
    hop, rate = audio.hop_length, audio.sample_rate
    held = np.concatenate([f0[:1], f0, f0[-1:]])
    first = phase[:1] - f0[:1].astype(np.float64) * (hop / rate)
    here, there = held[:-1, None], held[1:, None]
    time = np.arange(hop, dtype=np.float64)
    curve = (there - here).astype(np.float64) * time**2 / (2 * hop)
    cycles = np.concatenate([first, phase])[:, None] + (here.astype(np.float64) * time + curve) / rate
    cycles = (cycles - np.round(cycles)).astype(np.float32)
    hz = here + (there - here) * (time.astype(np.float32) / np.float32(hop))
    num_harmonics = np.floor(np.float32(audio.f_max) / hz)
    angle = np.float32(math.pi) * cycles
    near_zero = np.abs(angle) < 1e-5
    denominator = np.where(near_zero, np.float32(1), 2 * np.sin(angle))
    kernel = np.where(near_zero, num_harmonics + 0.5, np.sin((2 * num_harmonics + 1) * angle) / denominator)
    return (kernel - 0.5).astype(np.float32).reshape(-1)[hop // 2 : hop // 2 + len(f0) * hop]


def stft(waveform: np.ndarray, audio: AudioConfig) -> np.ndarray:
    """(T,) to (T / hop_length, n_fft / 2 + 1) complex."""
    mode = audio.padding if len(waveform) > audio.pad else "constant"
    padded = np.pad(waveform, audio.pad, mode=mode)
    frames = np.lib.stride_tricks.sliding_window_view(padded, audio.n_fft)[:: audio.hop_length]
    frames = frames[:-1] if audio.centered else frames
    # Not scaled, numpy transforms float32 seven times slower: its factor 1 is no float32.
    return np.fft.rfft(frames * (window(audio) * np.float32(audio.n_fft)), norm="forward")


def istft(spectrum: np.ndarray, audio: AudioConfig) -> np.ndarray:
    """(F, n_fft / 2 + 1) complex to (F · hop_length,): overlap-add, divided by the windows' sum of squares."""
    frames = np.fft.irfft(spectrum, audio.n_fft) * window(audio)
    energy = np.broadcast_to(window(audio) ** 2, frames.shape)
    return _overlap_add(frames, audio) / np.maximum(_overlap_add(energy, audio), np.float32(1e-8))


def _overlap_add(frames: np.ndarray, audio: AudioConfig) -> np.ndarray:
    hop, (num_frames, n_fft) = audio.hop_length, frames.shape
    overlap = -(-n_fft // hop)
    total = np.zeros((num_frames + overlap - 1, hop), np.float32)
    for i in range(overlap):
        part = frames[:, i * hop : (i + 1) * hop]
        total[i : i + num_frames, : part.shape[1]] += part
    return total.reshape(-1)[audio.pad : audio.pad + num_frames * hop]


@lru_cache(maxsize=4)
def window(audio: AudioConfig) -> np.ndarray:
    """(n_fft,) float32: Hann's, of win_length in the middle."""
    before = (audio.n_fft - audio.win_length) // 2
    hann = 0.5 - 0.5 * np.cos(2 * math.pi * np.arange(audio.win_length) / audio.win_length)
    return np.pad(hann.astype(np.float32), (before, audio.n_fft - audio.win_length - before))


@lru_cache(maxsize=4)
def inverse_mel(audio: AudioConfig) -> np.ndarray:
    """(M, n_fft / 2 + 1) float32: the transposed pseudo-inverse of the filterbank."""
    hertz = np.linspace(0, audio.sample_rate // 2, audio.n_fft // 2 + 1)
    least, most = _to_mel(np.array([audio.f_min, audio.f_max]), audio).tolist()
    edges = _to_hz(np.linspace(least, most, audio.n_mels + 2), audio)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
    filters = np.maximum(0, np.minimum(rising, falling))
    if audio.mel_norm == "slaney":
        filters = filters * (2 / (high - low))
    return np.linalg.pinv(filters.astype(np.float32)).T.copy()


def _to_mel(hertz: np.ndarray, audio: AudioConfig) -> np.ndarray:
    if audio.mel_scale == "htk":
        return 2595 * np.log10(1 + hertz / 700)
    linear = hertz * 3 / 200
    return np.where(hertz < 1000, linear, 15 + np.log(np.maximum(hertz, 1000) / 1000) * 27 / math.log(6.4))


def _to_hz(mel: np.ndarray, audio: AudioConfig) -> np.ndarray:
    if audio.mel_scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * math.log(6.4) / 27))
