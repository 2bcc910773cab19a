"""`POST /v1/audio/speech`: OpenAI's contract, and what ganray adds to it.

OpenAI's openapi.yaml of 2026-08-21: fields, defaults, limits, and the events `speech.audio.delta` and `.done`.
"""

import base64
import difflib
import json
from collections.abc import AsyncIterator
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from starlette.requests import Request

from ganray.config.schema import Schema
from ganray.config.serve import Format
from ganray.serving.errors import ApiError, as_api_error
from ganray.serving.requests import read_body

LARGEST_BODY = 256 * 1024
MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15")
"""OpenAI's names, which clients send because they must send one: all of them mean the voice that `voice` names."""


class SpeechFields(Schema):
    """The fields of `POST /v1/audio/speech`; those from `seed` on are ganray's own."""

    model: str
    """A voice by its name in `GET /v1/models`, `default`, or one of OpenAI's own models, which then stand for it."""
    input: str = Field(min_length=1, max_length=4096)
    """What to say."""
    voice: str
    """A voice by its name, or `default`; also as an object with an `id`."""
    instructions: str = Field("", max_length=4096)
    """Accepted, and without effect: how something is said is told by the fields below."""
    response_format: Format = "mp3"
    """mp3, opus, aac, flac, wav or pcm (16-bit little-endian, mono, at the voice's sample rate)."""
    speed: float = Field(1.0, ge=0.25, le=4.0)
    """Times the voice's own speed."""
    stream_format: Literal["audio", "sse"] = "audio"
    """The audio itself, or events that carry it in base64."""
    seed: int = Field(0, ge=0, lt=2**31)
    """Same seed, same bytes."""
    pitch: float = Field(0.0, ge=-24, le=24)
    """Semitones above the voice's own."""
    pitch_range: float = Field(1.0, ge=0, le=3)
    """Times the voice's own range of F0; 0: monotonous."""
    volume: float = Field(0.0, ge=-60, le=24)
    """Decibels over the voice's own."""
    pauses: float = Field(1.0, ge=0, le=5)
    """Times the voice's own pauses at punctuation."""
    speaker: str | dict[str, float] | None = None
    """Who of the voice's speakers, or how much of whom; null: the first."""
    language: str | None = None
    """BCP 47 tag of `input`; null: the speaker's own."""
    style: str | dict[str, float] | None = None
    """Which of the voice's styles, or how much of which; null: none in particular."""
    ssml: bool = False
    """Whether `input` holds the SSML subset and inline phonemes."""

    @field_validator("voice", mode="before")
    @classmethod
    def _id_of(cls, value: Any) -> Any:
        return value["id"] if isinstance(value, dict) and set(value) == {"id"} else value

    @property
    def delivery(self) -> dict[str, Any]:
        """What `ganray.voice.Delivery` takes."""
        numbers = {"speed", "pitch", "pitch_range", "volume", "pauses"}
        return self.model_dump(include={*numbers, "speaker", "language", "style"}, exclude_none=True)


async def read_speech_request(request: Request) -> SpeechFields:
    """Read and check a body.

    Raises:
        ApiError: 413 when it is larger than any text may be; 400 for anything else.
    """
    body = await read_body(request, LARGEST_BODY)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"the body is no JSON: {error}", code="invalid_json") from error
    if not isinstance(document, dict):
        raise ApiError(400, "the body is no JSON object", code="invalid_json", mend="send model, input and voice")
    try:
        return SpeechFields.model_validate(document)
    except ValidationError as error:
        raise _refused(error) from error


def _refused(error: ValidationError) -> ApiError:
    detail = error.errors(include_url=False)[0]
    param, kind = str(detail["loc"][0]), detail["type"]
    known = list(SpeechFields.model_fields)
    if kind == "extra_forbidden":
        close = difflib.get_close_matches(param, known, 1, cutoff=0.7)
        mend = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
        return ApiError(400, f"unknown field {param}", code="unknown_field", param=param, mend=mend)
    if kind == "missing":
        return ApiError(
            400, f"{param} is missing", code="missing_field", param=param, mend="send model, input and voice"
        )
    if kind == "string_too_long":
        most = detail["ctx"]["max_length"]
        code = "string_above_max_length"
        return ApiError(
            400, f"{param} has more than {most} characters", code=code, param=param, mend="send it in parts"
        )
    message = detail["msg"].removeprefix("Value error, ")
    shown = str(detail["input"])[:80]
    return ApiError(400, f"{param} {shown!r}: {message[0].lower()}{message[1:]}", code="invalid_value", param=param)


async def as_events(audio: AsyncIterator[bytes], num_characters: int, num_frames: list[int]) -> AsyncIterator[bytes]:
    """Encoded audio as server-sent events; what fails on the way is an event too, never a silent end."""
    try:
        async for content in audio:
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(content).decode()})
    except Exception as error:
        known = as_api_error(error)
        told = {"message": str(known or "the voice failed"), "code": known.code if known else "internal_error"}
        yield _event({"type": "speech.audio.error", "error": told})
        return
    spent = sum(num_frames)
    usage = {"input_tokens": num_characters, "output_tokens": spent, "total_tokens": num_characters + spent}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(document: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(document)}\n\n".encode()
