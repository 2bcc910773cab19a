"""Blocks of audio as an HTTP response: one encoder a response, never one a block.

Nothing is sent before the first block is there, so that whatever fails until then keeps its status and its envelope.
"""

import asyncio
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

import numpy as np
from fastapi.responses import Response, StreamingResponse

from ganray.audio import FORMATS, Encoder, encode, resample
from ganray.config.serve import Format
from ganray.serving.errors import ApiError
from ganray.voice.speech import Block

WAV_HEADER_BYTES = 44
FLAC_LENGTH_AT = 18
"""Of 64 bits in STREAMINFO (RFC 9639 §8.2) whose last 36 count the samples; 0 there makes libsndfile give up."""


async def audio_response(
    blocks: AsyncGenerator[Block, None],
    *,
    num_samples: int | None,
    sample_rate: int,
    to_rate: int | None = None,
    response_format: Format,
    stream: bool,
    headers: dict[str, str],
    events: Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]] | None = None,
) -> Response:
    """Encode `blocks` and send them, as they come or as a whole.

    Args:
        blocks: `num_samples` in all.
        num_samples: Where known beforehand, wav and pcm tell their exact length even when they are streamed.
        sample_rate: Of the blocks, in Hz.
        to_rate: Of the response; None: the same.
        response_format: One of `FORMATS`.
        stream: Send blocks as they come.
        headers: More headers.
        events: Makes server-sent events of the encoded audio.

    Raises:
        Exception: What `blocks` raised before its first block; with `stream` false, at any block.
    """
    media_type = FORMATS[response_format]
    if num_samples is None and response_format == "flac" and events is None:
        stream = False  # a decoder gives up on one that can't tell its length
    if not stream and events is None:
        content, rate = await whole(blocks, sample_rate, to_rate, response_format)
        return Response(content, media_type=media_type, headers={**headers, "x-sample-rate": str(rate)})
    encoder = Encoder(response_format, sample_rate, to_rate=to_rate)
    headers = {**headers, "x-sample-rate": str(encoder.sample_rate)}  # opus knows some rates only
    if events is None and num_samples is not None and response_format in ("wav", "pcm"):
        header_bytes = WAV_HEADER_BYTES if response_format == "wav" else 0
        headers["content-length"] = str(header_bytes + 2 * num_samples)
    first = await anext(blocks, None)
    if first is None:
        raise ApiError(500, "the voice made no sound", code="voice_failed", mend="tell who runs the service")
    encoded = _encoded(encoder, first, blocks, num_samples)
    if events is not None:
        return StreamingResponse(events(encoded), media_type="text/event-stream", headers=headers)
    return StreamingResponse(encoded, media_type=media_type, headers=headers)


async def whole(
    blocks: AsyncIterator[Block], sample_rate: int, to_rate: int | None, response_format: Format
) -> tuple[bytes, int]:
    """All `blocks` as one file whose header tells its length, and its sample rate."""
    waveform = np.concatenate([block.waveform async for block in blocks])
    return await asyncio.to_thread(_file, waveform, sample_rate, to_rate or sample_rate, response_format)


def _file(waveform: np.ndarray, sample_rate: int, to_rate: int, response_format: Format) -> tuple[bytes, int]:
    rate = Encoder(response_format, to_rate).sample_rate
    return encode(resample(waveform, sample_rate, to_rate), to_rate, response_format), rate


async def _encoded(
    encoder: Encoder, block: Block | None, blocks: AsyncGenerator[Block, None], num_samples: int | None
) -> AsyncIterator[bytes]:
    begun = False
    async with aclosing(blocks):
        while block is not None:
            content = await _aside(encoder, encoder.write, block.waveform)
            if content:
                yield content if begun else _with_length(content, encoder.format, num_samples)
                begun = True
            block = await anext(blocks, None)
    content = await _aside(encoder, encoder.close)
    if content:
        yield content if begun else _with_length(content, encoder.format, num_samples)


async def _aside(encoder: Encoder, work: Callable[..., bytes], *args: np.ndarray) -> bytes:
    return work(*args) if encoder.immediate else await asyncio.to_thread(work, *args)


def _with_length(content: bytes, kind: str, num_samples: int | None) -> bytes:
    """The beginning of a mono stream, its header told the length that a streaming encoder can't know."""
    told = bytearray(content)
    if num_samples is None:
        if kind == "wav":  # as long as can be: players go on until the stream ends
            struct.pack_into("<I", told, 4, 0xFFFFFFFF)
            struct.pack_into("<I", told, 40, 0xFFFFFFFF - WAV_HEADER_BYTES + 8)
    elif kind == "wav":
        struct.pack_into("<I", told, 4, WAV_HEADER_BYTES - 8 + 2 * num_samples)
        struct.pack_into("<I", told, 40, 2 * num_samples)
    elif kind == "flac" and told.startswith(b"fLaC") and len(told) >= FLAC_LENGTH_AT + 8:
        (rate_and_length,) = struct.unpack_from(">Q", told, FLAC_LENGTH_AT)
        struct.pack_into(">Q", told, FLAC_LENGTH_AT, rate_and_length >> 36 << 36 | num_samples)
    return bytes(told)
