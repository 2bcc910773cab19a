"""Recordings in, recordings out: any rate, channel count and depth; one mono float waveform inside.

libsndfile reads wav, flac, mp3, ogg, opus, aiff and more; what comes in an MPEG-4, ADTS or Matroska container (m4a,
aac, webm) is read by the ffmpeg libraries, which are told the container and never guess: some of those that they would
guess, playlists for one, name other files to open.
"""

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
        container = _container(source)
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        waveform, rate = _decode(file, container) if container else soundfile.read(file, dtype="float32")
    except (soundfile.LibsndfileError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise DataError(
            f"cannot read {name}: {error}", mend="give a wav, flac, mp3, ogg, opus, m4a, aac, webm or aiff file"
        ) from error
    if waveform.ndim == 2:
        waveform = waveform.mean(axis=1)
    if not waveform.size:
        raise DataError(f"{name} holds no samples", mend="leave it out, or record it again")
    if sample_rate and rate != sample_rate:
        waveform, rate = resample(waveform, rate, sample_rate), sample_rate
    return waveform, rate


def _container(source: str | Path | BinaryIO | bytes) -> str:
    """The container that libsndfile doesn't know, by the file's first bytes; empty where there is none such."""
    if isinstance(source, bytes):
        head = source[:12]
    elif isinstance(source, str | Path):
        with open(source, "rb") as file:
            head = file.read(12)
    else:
        place = source.tell()
        head = source.read(12)
        source.seek(place)
    if head[4:8] == b"ftyp":
        return "mp4"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    return "aac" if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0 else ""


def _decode(source: str | Path | BinaryIO, container: str) -> tuple[np.ndarray, int]:
    """(T, C) float32 and the rate."""
    import av  # a sixth of a second that who reads wav should not wait

    with av.open(str(source) if isinstance(source, Path) else source, format=container) as file:
        if not file.streams.audio:
            raise ValueError("it has no sound in it")
        stream = file.streams.audio[0]
        stream.thread_type = "NONE"  # the same samples whatever the machine
        planar = av.AudioResampler(format="fltp")
        blocks = [
            block.to_ndarray().T for frame in file.decode(stream) for block in planar.resample(frame) if block.samples
        ]
        rate = stream.codec_context.sample_rate
    return (np.concatenate(blocks) if blocks else np.zeros((0, 1), np.float32)), int(rate)


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
