"""Waveforms: the mel spectrogram, reading, writing, resampling, loudness, encoding."""

from ganray.audio.encode import FORMATS, Encoder, encode, format_of
from ganray.audio.files import read, resample, to_pcm16, write, write_blocks
from ganray.audio.loudness import loudness, normalise
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
