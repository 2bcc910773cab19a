"""One recording becomes one clip of a dataset, or a reason why not. Pure: bytes in, values out."""

import io
from dataclasses import dataclass

import numpy as np
import soundfile

from ganray.audio import normalise, resample, to_pcm16
from ganray.audio.pitch import energy, fundamental
from ganray.config.prepare import DenoiseConfig, LimitsConfig, PrepareConfig, TrimConfig
from ganray.preparing.decoding import Unusable, decode

__all__ = ["PreparedClip", "Sound", "Unusable", "denoise", "prepare_clip", "sound_of", "trim"]

_LEVEL_FRAME_S, _LEVEL_HOP_S = 0.02, 0.01
_SYLLABLE_S, _NEAR_S, _VOICE_DB = 0.06, 0.3, 10.0
_LEAST_RANGE_DB = 20.0
"""However noisy the room, what is within this of the loud level is speech."""


@dataclass(frozen=True)
class PreparedClip:
    """What is stored of a recording.

    Attributes:
        flac: The clip, 16-bit, mono, at `audio.sample_rate`.
        num_samples: T, a multiple of `audio.hop_length`.
        f0: (F,) float32, Hz, 0 = unvoiced.
        energy: (F,) float32, root mean square.
    """

    flac: bytes
    num_samples: int
    f0: np.ndarray
    energy: np.ndarray


@dataclass(frozen=True)
class Sound:
    """What is stored of a recording's sound.

    Attributes:
        flac: 16-bit, mono, at `audio.sample_rate`.
        samples: The same, (T,) int16, T a multiple of `audio.hop_length`.
    """

    flac: bytes
    samples: np.ndarray


def prepare_clip(content: bytes, config: PrepareConfig) -> PreparedClip:
    """Read, check, resample, trim, denoise, normalise and analyse one recording.

    Args:
        content: Bytes of the audio file, in any format that `ganray.audio.read` knows.
        config: What to make of it.

    Raises:
        Unusable: The recording can't be used.
    """
    sound = sound_of(*decode(content), config)
    return PreparedClip(sound.flac, len(sound.samples), *analysis_of(sound.samples, config))


def sound_of(recording: np.ndarray, rate: int, config: PrepareConfig) -> Sound:
    """Check, resample, trim, denoise and normalise a recording, (T,) float32 at `rate`.

    Raises:
        Unusable: The recording can't be used.
    """
    clipped = float((np.abs(recording) >= config.limits.clipped_level).mean())
    if clipped > config.limits.clipped_share:
        raise Unusable(f"clipped ({100 * clipped:.2g} % of its samples are at full scale)")
    audio = config.audio
    waveform = recording - recording.mean(dtype=np.float64).astype(np.float32)
    if rate != audio.sample_rate:
        waveform = resample(waveform, rate, audio.sample_rate)
    if config.trim.by != "nothing":
        waveform = trim(waveform, audio.sample_rate, config.trim, config.limits)
    waveform = waveform[: len(waveform) // audio.hop_length * audio.hop_length]
    seconds = len(waveform) / audio.sample_rate
    if seconds < config.limits.min_seconds:
        raise Unusable(f"too short ({seconds:.2f} s, limits.min_seconds is {config.limits.min_seconds:g})")
    if seconds > config.limits.max_seconds:
        raise Unusable(f"too long ({seconds:.2f} s, limits.max_seconds is {config.limits.max_seconds:g})")
    waveform = denoise(waveform, audio.sample_rate, config.denoise)
    samples = to_pcm16(normalise(waveform, audio.sample_rate, config.loudness_lufs))
    flac = io.BytesIO()
    soundfile.write(flac, samples, audio.sample_rate, format="FLAC", subtype="PCM_16")
    return Sound(flac.getvalue(), samples)


def analysis_of(samples: np.ndarray, config: PrepareConfig) -> tuple[np.ndarray, np.ndarray]:
    """F0 and energy, (F,) float32 each, of stored samples, (T,) int16: what is analysed is what will be read back."""
    stored = samples.astype(np.float32) / 32768
    return fundamental(stored, config.audio, config.f0), energy(stored, config.audio)


def trim(waveform: np.ndarray, sample_rate: int, config: TrimConfig, limits: LimitsConfig) -> np.ndarray:
    """Take the silence off both ends of `waveform`, (T,).

    Raises:
        Unusable: All of it is silence.
    """
    levels, hop = _levels_db(waveform, sample_rate)
    loud, noise = np.percentile(levels, [95, 5])
    if loud < limits.silent_dbfs:
        raise Unusable(f"silent (loud level {loud:.0f} dB relative to full scale)")
    threshold = max(loud - config.threshold_db, min(noise + config.floor_db, loud - _LEAST_RANGE_DB))
    speech = np.flatnonzero(levels >= threshold)
    if config.by == "voice":
        speech = _voiced(waveform, sample_rate, levels >= threshold, speech)
    start = int(speech[0]) * hop - round(config.lead_s * sample_rate)
    end = int(speech[-1]) * hop + round((_LEVEL_FRAME_S + config.tail_s) * sample_rate)
    return waveform[max(0, start) : end]


def denoise(waveform: np.ndarray, sample_rate: int, config: DenoiseConfig) -> np.ndarray:
    """Turn the room behind the voice of `waveform`, (T,), down."""
    if config.by == "nothing":
        return waveform
    import noisereduce  # and with it a plotting library

    gated = noisereduce.reduce_noise(y=waveform, sr=sample_rate, stationary=False, prop_decrease=config.strength)
    return gated.astype(np.float32)


def _voiced(waveform: np.ndarray, sample_rate: int, loud: np.ndarray, speech: np.ndarray) -> np.ndarray:
    """Frames of `speech` without the clicks, thumps and breaths that stand alone before and after the voice.

    A stretch of loud frames counts from the first to the last that is long enough for a syllable and has the voice's
    energy where voices have it, 100 to 1,000 Hz; weaker sounds within a third of a second of those belong to them.
    """
    from scipy.signal import butter, sosfilt  # type: ignore[import-untyped]

    band = sosfilt(butter(2, [100, 1_000], "bandpass", fs=sample_rate, output="sos"), waveform)
    in_band, _ = _levels_db(band, sample_rate)
    whole, _ = _levels_db(waveform, sample_rate)
    voiced = loud & (in_band > whole - _VOICE_DB)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], voiced, [False]]).astype(np.int8)))
    stretches = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if (b - a) * _LEVEL_HOP_S >= _SYLLABLE_S]
    if not stretches:
        return speech
    near = round(_NEAR_S / _LEVEL_HOP_S)
    first, last = stretches[0][0] - near, stretches[-1][1] + near
    kept = speech[(speech >= first) & (speech <= last)]
    return kept if len(kept) else speech


def _levels_db(waveform: np.ndarray, sample_rate: int) -> tuple[np.ndarray, int]:
    """Level of each frame in dB relative to full scale, and samples from one frame to the next."""
    size, hop = round(_LEVEL_FRAME_S * sample_rate), round(_LEVEL_HOP_S * sample_rate)
    sums = np.concatenate([[0.0], np.cumsum(waveform.astype(np.float64) ** 2)])
    starts = np.arange(0, max(1, len(waveform) - size + 1), hop)
    ends = np.minimum(starts + size, len(waveform))
    return 10 * np.log10(np.maximum(sums[ends] - sums[starts], 0) / size + 1e-12), hop
