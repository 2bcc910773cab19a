"""A recording's bytes become samples, or a reason why not."""

import io

import numpy as np
import soundfile

from ganray.audio import read
from ganray.errors import DataError


class Unusable(DataError):
    """A recording that can't be a clip; the message is the reason that is listed."""


def decode(content: bytes, start_s: float = 0.0, end_s: float | None = None) -> tuple[np.ndarray, int]:
    """(T,) float32 at the recording's own rate, and that rate.

    Args:
        content: Bytes of an audio file.
        start_s: Where in it the recording begins.
        end_s: Where it ends; None: with the file.

    Raises:
        Unusable: It can't be read, is broken off, or holds what is no number.
    """
    part = _part(content, start_s, end_s) if start_s or end_s is not None else None
    if part is not None:
        return part
    try:
        recording, rate = read(content)
    except DataError as error:
        raise Unusable(f"unreadable ({_cause(error)})") from error
    promised = _promised(content)
    if len(recording) < promised:
        raise Unusable(f"unreadable (broken off after {len(recording):,} of {promised:,} samples)")
    if start_s or end_s is not None:
        recording = recording[round(start_s * rate) : None if end_s is None else round(end_s * rate)]
        if not len(recording):
            raise Unusable(f"unreadable (nothing of it lies between {start_s:g} and {end_s or 0:g} s)")
    return _finite(recording), rate


def _part(content: bytes, start_s: float, end_s: float | None) -> tuple[np.ndarray, int] | None:
    """The same, with no more decoded than is asked for; None where libsndfile can't."""
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            first, last = round(start_s * file.samplerate), file.frames
            last = last if end_s is None else min(last, round(end_s * file.samplerate))
            if first >= last:
                return None
            file.seek(first)
            recording = file.read(last - first, dtype="float32", always_2d=True).mean(axis=1)
            if len(recording) < last - first:
                raise Unusable(f"unreadable (broken off before {last / file.samplerate:.1f} s)")
            return _finite(recording), int(file.samplerate)
    except (soundfile.LibsndfileError, RuntimeError):
        return None


def _finite(recording: np.ndarray) -> np.ndarray:
    if not np.isfinite(recording).all():
        raise Unusable("not finite (holds NaN or infinite samples)")
    return recording


def _promised(content: bytes) -> int:
    """Samples by the header; 0 where libsndfile doesn't know the format."""
    try:
        return int(soundfile.info(io.BytesIO(content)).frames)
    except (soundfile.LibsndfileError, RuntimeError):
        return 0


def _cause(error: DataError) -> str:
    text = error.message
    return text.rsplit(": ", 1)[-1].rstrip(".")
