"""One recording becomes one clip of a dataset, or a reason why not. Pure: bytes in, values out."""

import io
from dataclasses import dataclass

import numpy as np
import soundfile

from ganray.audio import normalise, read, resample, to_pcm16
from ganray.audio.pitch import energy, fundamental
from ganray.config.prepare import LimitsConfig, PrepareConfig, TrimConfig
from ganray.errors import DataError

_LEVEL_FRAME_S, _LEVEL_HOP_S = 0.02, 0.01
_LEAST_RANGE_DB = 20.0
"""However noisy the room, what is within this of the loud level is speech."""


class Unusable(DataError):
    """A recording that can't be a clip; the message is the reason that is listed."""


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


def prepare_clip(content: bytes, config: PrepareConfig) -> PreparedClip:
    """Read, check, resample, trim, normalise and analyse one recording.

    Args:
        content: Bytes of the audio file, in any format that soundfile reads.
        config: What to make of it.

    Raises:
        Unusable: The recording can't be used.
    """
    recording, rate = _read(content)
    if not np.isfinite(recording).all():
        raise Unusable("not finite (holds NaN or infinite samples)")
    clipped = float((np.abs(recording) >= config.limits.clipped_level).mean())
    if clipped > config.limits.clipped_share:
        raise Unusable(f"clipped ({100 * clipped:.2g} % of its samples are at full scale)")
    audio = config.audio
    waveform = recording - recording.mean(dtype=np.float64).astype(np.float32)
    if rate != audio.sample_rate:
        waveform = resample(waveform, rate, audio.sample_rate)
    waveform = trim(waveform, audio.sample_rate, config.trim, config.limits)
    waveform = waveform[: len(waveform) // audio.hop_length * audio.hop_length]
    seconds = len(waveform) / audio.sample_rate
    if seconds < config.limits.min_seconds:
        raise Unusable(f"too short ({seconds:.2f} s, limits.min_seconds is {config.limits.min_seconds:g})")
    if seconds > config.limits.max_seconds:
        raise Unusable(f"too long ({seconds:.2f} s, limits.max_seconds is {config.limits.max_seconds:g})")
    samples = to_pcm16(normalise(waveform, audio.sample_rate, config.loudness_lufs))
    flac = io.BytesIO()
    soundfile.write(flac, samples, audio.sample_rate, format="FLAC", subtype="PCM_16")
    # What is analysed is what will be read back.
    stored = samples.astype(np.float32) / 32768
    return PreparedClip(flac.getvalue(), len(samples), fundamental(stored, audio, config.f0), energy(stored, audio))


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
    start = int(speech[0]) * hop - round(config.lead_s * sample_rate)
    end = int(speech[-1]) * hop + round((_LEVEL_FRAME_S + config.tail_s) * sample_rate)
    return waveform[max(0, start) : end]


def _levels_db(waveform: np.ndarray, sample_rate: int) -> tuple[np.ndarray, int]:
    """Level of each frame in dB relative to full scale, and samples from one frame to the next."""
    size, hop = round(_LEVEL_FRAME_S * sample_rate), round(_LEVEL_HOP_S * sample_rate)
    sums = np.concatenate([[0.0], np.cumsum(waveform.astype(np.float64) ** 2)])
    starts = np.arange(0, max(1, len(waveform) - size + 1), hop)
    ends = np.minimum(starts + size, len(waveform))
    return 10 * np.log10(np.maximum(sums[ends] - sums[starts], 0) / size + 1e-12), hop


def _read(content: bytes) -> tuple[np.ndarray, int]:
    """(T,) float32 at the recording's own rate, and that rate."""
    try:
        promised = soundfile.info(io.BytesIO(content)).frames
        recording, rate = read(content)
    except (DataError, soundfile.LibsndfileError, RuntimeError) as error:
        raise Unusable(f"unreadable ({_cause(error)})") from error
    if len(recording) < promised:
        raise Unusable(f"unreadable (broken off after {len(recording):,} of {promised:,} samples)")
    return recording, rate


def _cause(error: Exception) -> str:
    text = error.message if isinstance(error, DataError) else str(error)
    return text.rsplit(": ", 1)[-1].rstrip(".")
