"""Recordings in, recordings out: any rate and channel count that soundfile reads, one mono float waveform inside."""

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr

from ganray.errors import DataError


def read(source: str | Path | BinaryIO | bytes, sample_rate: int | None = None) -> tuple[np.ndarray, int]:
    """Read a recording.

    Args:
        source: A path, an open binary file, or the file's bytes.
        sample_rate: Resample to this rate; None keeps the file's own.

    Returns:
        (T,) float32 in [-1, 1], the mean of all channels, and its sample rate in Hz.

    Raises:
        DataError: It can't be read as audio, or holds no sample.
    """
    name = str(source) if isinstance(source, str | Path) else "the audio"
    try:
        waveform, rate = soundfile.read(io.BytesIO(source) if isinstance(source, bytes) else source, dtype="float32")
    except (soundfile.LibsndfileError, OSError, RuntimeError, TypeError) as error:
        raise DataError(
            f"cannot read {name}: {error}", mend="give a file that soundfile reads (wav, flac, mp3, ogg, opus, aiff)"
        ) from error
    if waveform.ndim == 2:
        waveform = waveform.mean(axis=1)
    if not waveform.size:
        raise DataError(f"{name} holds no samples", mend="leave it out, or record it again")
    if sample_rate and rate != sample_rate:
        waveform, rate = resample(waveform, rate, sample_rate), sample_rate
    return waveform, rate


def resample(waveform: np.ndarray, source_rate: int, target_rate: int) -> np.ndarray:
    """(T,) float32 at `source_rate` to (T',) float32 at `target_rate`, band-limited (libsoxr, high quality)."""
    return soxr.resample(waveform, source_rate, target_rate, quality="HQ").astype(np.float32)


def to_pcm16(waveform: np.ndarray) -> np.ndarray:
    """(T,) float in [-1, 1] to int16, rounded, clipped at full scale."""
    return np.clip(np.rint(waveform * 32767.0), -32768, 32767).astype(np.int16)


def write(path: str | Path, waveform: np.ndarray, sample_rate: int) -> Path:
    """Write `waveform`, (T,), in the format of the path's suffix (one of `FORMATS`): beside, then renamed.

    Raises:
        UsageError: The suffix names no known format.
    """
    return write_blocks(path, [waveform], sample_rate)


def write_blocks(path: str | Path, blocks: Iterable[np.ndarray], sample_rate: int) -> Path:
    """The same for a waveform that comes in blocks, however long it is: no more than one of them is kept.

    Raises:
        UsageError: The suffix names no known format.
    """
    from ganray.audio.encode import encode_blocks, format_of

    path = Path(path)
    format = format_of(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(beside, "wb") as file:
            encode_blocks(blocks, sample_rate, format, file)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path
