"""Waveforms into wav, flac, mp3, opus, aac and pcm. One encoder a stream: blocks go in, bytes come out.

encoder = Encoder("mp3", 24_000)
for block in blocks:
    send(encoder.write(block))
send(encoder.close())
"""

import io
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import soxr

from ganray.audio.files import to_pcm16
from ganray.errors import UsageError

FORMATS = {
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "pcm": "audio/pcm",
}
"""Format → MIME type."""
_CONTAINERS = {
    "flac": ("flac", "flac"),
    "mp3": ("mp3", "libmp3lame"),
    "opus": ("ogg", "libopus"),
    "aac": ("adts", "aac"),
}
_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)


def format_of(path: str | Path) -> str:
    """The format that a path's suffix names.

    Raises:
        UsageError: None.
    """
    suffix = Path(path).suffix.lower().lstrip(".")
    suffix = {"ogg": "opus", "raw": "pcm"}.get(suffix, suffix)
    if suffix not in FORMATS:
        raise UsageError(f"{path}: no audio format {suffix!r}", mend=f"use one of .{', .'.join(FORMATS)}")
    return suffix


def encode(waveform: np.ndarray, sample_rate: int, format: str) -> bytes:
    """`waveform`, (T,) in [-1, 1], as the bytes of one whole file.

    Raises:
        UsageError: The format is unknown.
    """
    whole = io.BytesIO()
    encode_blocks([waveform], sample_rate, format, whole)
    return whole.getvalue()


def encode_blocks(blocks: Iterable[np.ndarray], sample_rate: int, format: str, sink: BinaryIO) -> None:
    """Blocks of a waveform as one whole file in `sink`, which can be rewound, so that headers get their true lengths.

    Raises:
        UsageError: The format is unknown.
    """
    encoder = Encoder(format, sample_rate, sink=sink)
    for block in blocks:
        sink.write(encoder.write(block))
    sink.write(encoder.close())
    if format == "wav":
        size = sink.tell() - len(_wav_header(sample_rate, None))
        sink.seek(0)
        sink.write(_wav_header(sample_rate, size))


class Encoder:
    """Encodes one stream, block by block.

    `wav` has a header whose sizes are unknown (0xFFFFFFFF); for a file of exact length use `encode`.

    Args:
        format: One of `FORMATS`.
        sample_rate: Of what is written, in Hz.
        to_rate: Of what comes out; None: the same. Opus takes the next one that it knows; see `sample_rate`.
        sink: Where the bytes go instead of being returned.

    Raises:
        UsageError: The format is unknown.
    """

    def __init__(self, format: str, sample_rate: int, sink: BinaryIO | None = None, to_rate: int | None = None) -> None:
        if format not in FORMATS:
            raise UsageError(f"no audio format {format!r}", mend=f"use one of {', '.join(FORMATS)}")
        self.format, self.sample_rate = format, to_rate or sample_rate
        self.media_type = FORMATS[format]
        self._opened = False
        if format in _CONTAINERS:
            if format == "opus" and self.sample_rate not in _OPUS_RATES:
                self.sample_rate = next((rate for rate in _OPUS_RATES if rate >= self.sample_rate), 48_000)
            container, codec = _CONTAINERS[format]
            self._pipe = _Pipe()
            self._container = av.open(sink or self._pipe, "w", format=container)
            self._stream = self._container.add_stream(codec, rate=self.sample_rate, layout="mono")
            if format != "flac":
                self._stream.bit_rate = 96_000
        self._resampler = None
        if self.sample_rate != sample_rate:
            self._resampler = soxr.ResampleStream(sample_rate, self.sample_rate, 1, dtype="float32")

    @property
    def immediate(self) -> bool:
        """Whether `write` only copies: no thread is worth it."""
        return self.format not in _CONTAINERS and self._resampler is None

    def write(self, block: np.ndarray) -> bytes:
        """Encode `block`, (T,) in [-1, 1]; the bytes that are ready, perhaps none."""
        return self._write(self._resampler.resample_chunk(block.astype(np.float32)) if self._resampler else block)

    def close(self) -> bytes:
        """The last bytes. Nothing may be written afterwards."""
        data = b""
        if self._resampler:
            data = self._write(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        if self.format not in _CONTAINERS:
            return data if self._opened else self._write(np.zeros(0, np.float32))
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()
        return data + self._pipe.take()

    def _write(self, block: np.ndarray) -> bytes:
        if self.format in _CONTAINERS:
            self._encode(block)
            return self._pipe.take()
        data = to_pcm16(block).astype("<i2").tobytes()
        if self.format == "wav" and not self._opened:
            data = _wav_header(self.sample_rate, None) + data
        self._opened = True
        return data

    def _encode(self, block: np.ndarray) -> None:
        if not len(block):
            return
        frame = av.AudioFrame.from_ndarray(to_pcm16(block)[None], format="s16", layout="mono")
        frame.sample_rate = self.sample_rate
        for packet in self._stream.encode(frame):
            self._container.mux(packet)


class _Pipe:
    """A file that can only be written to: muxers then never go back to what was already sent."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def _wav_header(sample_rate: int, num_bytes: int | None) -> bytes:
    size = 0xFFFFFFFF if num_bytes is None else num_bytes
    riff = 0xFFFFFFFF if num_bytes is None else num_bytes + 36
    fields = (b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, 1, sample_rate, sample_rate * 2, 2, 16, b"data", size)
    return struct.pack("<4sI4s4sIHHIIHH4sI", *fields)
