"""Text in while it is written, audio out while it is made: a WebSocket, for those who speak what a model is writing.

client                                               server
{"type": "session.config", "voice": …, …}            {"type": "session.created", "sample_rate": …}
{"type": "input.text", "text": "Hel"}  …             {"type": "audio.start", "text": …, "start": 0, "end": 12}
{"type": "input.flush"}                              binary frames of pcm; {"type": "speech.audio.words", …}
{"type": "input.done"}                               {"type": "audio.done"}  …  {"type": "session.done", "usage": …}

A sentence is spoken as soon as it has ended, or at a flush, and counts as a request of the API key. What is wrong is
told as {"type": "error", "error": …}, in the shape of the API's errors, and the connection is closed.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ganray.audio import Encoder
from ganray.serving.errors import ApiError, as_api_error
from ganray.serving.service import Service, VoiceInfo, reader
from ganray.serving.speech import OPENAI_PCM_RATE, Heard, SpeechFields, check_speech
from ganray.text import Span, Splitter

MOST_WAITING = 200
"""Sentences that may wait to be spoken; a client that writes faster is then read no further."""
NORMAL, POLICY_VIOLATION, TRY_AGAIN_LATER = 1000, 1008, 1013
MESSAGES = "session.config, input.text, input.flush, input.done"


async def converse(socket: WebSocket, service: Service) -> None:
    """One connection, from its first message to its last."""
    if not _from_here(socket, service.config.access.origins):
        await socket.close(POLICY_VIOLATION)  # a foreign page in somebody's browser
        return
    await socket.accept()
    waiting: asyncio.Queue[Span | None] = asyncio.Queue(MOST_WAITING)
    patience_s = service.config.limits.patience_s
    try:
        fields, voice = await _configured(socket, service)
        rate = fields.sample_rate or OPENAI_PCM_RATE
        told = {"voice": voice.name, "voice_digest": voice.digest, "sample_rate": rate, "format": "pcm_s16le"}
        await socket.send_json({"type": "session.created", **told})
        listening = asyncio.create_task(_listen(socket, waiting, patience_s))
        try:
            usage = await _speak(socket, service, fields, voice, waiting, rate)
            await listening  # an error in what was written is told, too
        finally:
            listening.cancel()
        await socket.send_json({"type": "session.done", "usage": usage})
        await socket.close(NORMAL)
    except WebSocketDisconnect:
        pass  # whatever was being made is cancelled with this task
    except Exception as error:
        known = as_api_error(error)
        if known is None and socket.client_state is WebSocketState.CONNECTED:
            known = ApiError(500, "the voice failed", code="internal_error")
        if known is not None:
            with suppress(RuntimeError, WebSocketDisconnect):
                await socket.send_json({"type": "error", "error": known.as_json()})
                await socket.close(TRY_AGAIN_LATER if known.status in (429, 503, 504) else POLICY_VIOLATION)
        if as_api_error(error) is None:
            raise


def _from_here(socket: WebSocket, origins: Sequence[str]) -> bool:
    """Whether a page of this service asks, one that may, or no page at all."""
    origin = socket.headers.get("origin")
    if not origin or urlsplit(origin).netloc == socket.headers.get("host"):
        return True
    return origin in origins or "*" in origins


async def _configured(socket: WebSocket, service: Service) -> tuple[SpeechFields, VoiceInfo]:
    first = await _message(socket, service.config.limits.patience_s)
    if first.pop("type", None) != "session.config":
        raise ApiError(400, "the first message is no session.config", code="invalid_message", mend="send it first")
    unfit = [name for name in ("input", "response_format", "stream_format", "ssml") if name in first]
    if unfit:
        mend = "leave it out: text comes as input.text, and audio as pcm"
        raise ApiError(400, f"a session has no {unfit[0]}", code="unknown_field", param=unfit[0], mend=mend)
    fields = check_speech({"model": "default", "voice": "default"} | first | {"input": "-"})
    return fields, await reader(service, fields)


async def _listen(socket: WebSocket, waiting: asyncio.Queue[Span | None], patience_s: float) -> None:
    """Sentences into the queue, and None behind the last."""
    splitter = Splitter()
    try:
        while True:
            message = await _message(socket, patience_s)
            match message.get("type"):
                case "input.text":
                    text = message.get("text")
                    if not isinstance(text, str):
                        raise ApiError(400, "input.text has no text", code="invalid_message", param="text")
                    spans = splitter.feed(text)
                case "input.flush":
                    spans = splitter.finish()
                case "input.done":
                    spans = splitter.finish()
                case other:
                    raise ApiError(400, f"no message {other!r}", code="invalid_message", mend=f"use one of {MESSAGES}")
            for span in spans:
                await waiting.put(span)
            if message["type"] == "input.done":
                return
    finally:
        await waiting.put(None)


async def _speak(
    socket: WebSocket,
    service: Service,
    fields: SpeechFields,
    voice: VoiceInfo,
    waiting: asyncio.Queue[Span | None],
    rate: int,
) -> dict[str, int]:
    heard, number, given, done_s = Heard(fields, voice.audio.hop_length), 0, 0, 0.0
    while (span := await waiting.get()) is not None:
        if not any(character.isalnum() for character in span.text):
            continue  # a dash, a smile
        if number and (admit := getattr(socket.state, "admit", None)):  # the first came with the connection
            admit()
        await socket.send_json({"type": "audio.start", "text": span.text, "start": span.start, "end": span.end})
        encoder, made = Encoder("pcm", voice.audio.sample_rate, to_rate=rate), 0
        blocks = service.speak(voice.name, span.text, fields.delivery, fields.seed + number, fields.reading)
        async for block in heard.listen(blocks):
            made += len(block.waveform)
            if fields.timestamps and heard.words:
                words = heard.timed(characters=span.start, seconds=done_s)
                await socket.send_json({"type": "speech.audio.words", "words": words})
            await _send(socket, encoder.write(block.waveform))
        await _send(socket, encoder.close())
        await socket.send_json({"type": "audio.done"})
        number, given, done_s = number + 1, given + len(span.text), done_s + made / voice.audio.sample_rate
    return {"input_tokens": given, "output_tokens": heard.num_frames, "total_tokens": given + heard.num_frames}


async def _send(socket: WebSocket, content: bytes) -> None:
    if content:
        await socket.send_bytes(content)


async def _message(socket: WebSocket, patience_s: float) -> dict[str, Any]:
    try:
        document = json.loads(await asyncio.wait_for(socket.receive_text(), patience_s))
    except asyncio.TimeoutError as error:
        mend = "end a session with input.done, and open another"
        raise ApiError(408, f"no message came within {patience_s:g} s", code="request_timeout", mend=mend) from error
    except KeyError as error:  # a binary frame
        raise ApiError(400, "messages are JSON texts", code="invalid_message", mend="send a text frame") from error
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"a message is no JSON: {error}", code="invalid_message") from error
    if not isinstance(document, dict):
        raise ApiError(400, "a message is no JSON object", code="invalid_message")
    return document
