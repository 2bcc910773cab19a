"""Waveforms: the mel spectrogram, reading, writing, resampling, loudness, encoding.

What needs torch is imported with its first use: a voice speaks without it.
"""

from typing import TYPE_CHECKING, Any

from ganray.audio.encode import FORMATS, Encoder, encode, format_of
from ganray.audio.files import read, resample, to_pcm16, write, write_blocks
from ganray.audio.loudness import loudness, normalise

if TYPE_CHECKING:
    from ganray.audio.mel import LogMel, log_mel, mel_filters

__all__ = [
    "FORMATS",
    "Encoder",
    "LogMel",
    "encode",
    "format_of",
    "log_mel",
    "loudness",
    "mel_filters",
    "normalise",
    "read",
    "resample",
    "to_pcm16",
    "write",
    "write_blocks",
]


def __getattr__(name: str) -> Any:
    if name not in ("LogMel", "log_mel", "mel_filters"):
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from ganray.audio import mel

    return getattr(mel, name)
