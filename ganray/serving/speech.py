"""`POST /v1/audio/speech`: OpenAI's contract, and what ganray adds to it.

OpenAI's openapi.yaml of 2026-08-21: fields, defaults, limits, and the events `speech.audio.delta` and `.done`.
"""

import base64
import difflib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, WithJsonSchema, field_validator, model_validator
from starlette.requests import Request

from ganray.config.schema import Schema
from ganray.config.serve import Format
from ganray.serving.errors import ApiError, as_api_error
from ganray.serving.requests import read_body
from ganray.voice.speech import Block, SpokenWord

LARGEST_BODY = 256 * 1024
Reading = Literal["text", "as said", "markup"]
"""What an input is: any text; one where every word is written as it is said; one with the SSML subset."""
OPENAI_PCM_RATE = 24_000
"""Hz of pcm, whatever the voice's own: a client can't know better."""
MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15")
"""OpenAI's names, which clients send because they must send one: all of them mean the voice that `voice` names."""
_ID = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"], "additionalProperties": False}
Named = Annotated[str, WithJsonSchema({"anyOf": [{"type": "string"}, _ID]})]
"""A name, which OpenAI's clients may also send as an object."""


class SpeechFields(Schema):
    """The fields of `POST /v1/audio/speech`; those from `seed` on are ganray's own."""

    model: str
    """A voice by its name in `GET /v1/models`, `default`, or one of OpenAI's own models, which then stand for it."""
    input: str = Field(min_length=1, max_length=4096)
    """What to say."""
    voice: Named
    """A voice by its name, or `default`; also as an object with an `id`."""
    instructions: str = Field("", max_length=4096)
    """Accepted, and without effect: how something is said is told by the fields below."""
    response_format: Format = "mp3"
    """mp3, opus, aac, flac, wav or pcm (16-bit little-endian, mono, 24 kHz)."""
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
    phonemes: bool = False
    """Whether `input` is phonemes, as `ganray say --phonemes` prints them, and no text."""
    normalize: bool = True
    """Whether numbers, abbreviations and the like are read out. false: what is not written as it is said is refused."""
    sample_rate: Literal[8000, 16000, 22050, 24000, 32000, 44100, 48000] | None = None
    """Hz, one that every format knows; null: 24,000 for pcm, else the voice's own."""
    timestamps: tuple[Literal["word", "phoneme"], ...] = ()
    """Tell when each is heard, with its place in `input`: events with sse, else the response is JSON that carries the
    audio in base64."""

    @model_validator(mode="after")
    def _one_reading(self) -> "SpeechFields":
        if self.ssml and self.phonemes:
            raise ValueError("ssml and phonemes are two readings of input; ask for one")
        if self.ssml and not self.normalize:
            raise ValueError("ssml says how words are read; leave normalize on, or ssml away")
        return self

    @field_validator("voice", mode="before")
    @classmethod
    def _id_of(cls, value: Any) -> Any:
        return value["id"] if isinstance(value, dict) and set(value) == {"id"} else value

    @property
    def reading(self) -> Reading:
        """What `input` is."""
        if self.ssml or self.phonemes:
            return "markup"
        return "text" if self.normalize else "as said"

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
    return check_speech(document)


def check_speech(document: dict[str, Any]) -> SpeechFields:
    """The fields of a JSON object.

    Raises:
        ApiError: 400 for the first that is missing, unknown or out of range.
    """
    try:
        return SpeechFields.model_validate(document)
    except ValidationError as error:
        raise _refused(error) from error


def _refused(error: ValidationError) -> ApiError:
    detail = error.errors(include_url=False)[0]
    param, kind = str((*detail["loc"], "input")[0]), detail["type"]
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
    if not detail["loc"]:
        return ApiError(400, message, code="invalid_value", param=param)
    shown = str(detail["input"])[:80]
    return ApiError(400, f"{param} {shown!r}: {message[0].lower()}{message[1:]}", code="invalid_value", param=param)


@dataclass
class Heard:
    """What has passed of a stream: for its timings, and its usage.

    Args:
        fields: Of the request.
        hop_length: Samples a frame.
    """

    fields: SpeechFields
    hop_length: int
    num_frames: int = 0
    words: list[SpokenWord] = field(default_factory=list)

    async def listen(self, blocks: AsyncGenerator[Block, None]) -> AsyncGenerator[Block, None]:
        """`blocks` as they are, ended when nobody listens any more."""
        async with aclosing(blocks):
            async for block in blocks:
                self.num_frames += len(block.waveform) // self.hop_length
                self.words += block.words
                yield block

    def timed(self, characters: int = 0, seconds: float = 0.0) -> list[dict[str, Any]]:
        """The words since the last call, with what was asked to be told of them; both places may be moved on."""
        words, self.words = self.words, []
        return [self._timed(word, characters, seconds) for word in words]

    def _timed(self, word: SpokenWord, characters: int, seconds: float) -> dict[str, Any]:
        def spans(start_s: float, end_s: float) -> dict[str, float]:
            return {"start_s": round(start_s + seconds, 4), "end_s": round(end_s + seconds, 4)}

        place: dict[str, Any] = {"word": word.text, "start": word.start + characters, "end": word.end + characters}
        place |= spans(word.start_s, word.end_s)
        if "phoneme" in self.fields.timestamps:
            place["phonemes"] = [{"phoneme": symbol, **spans(start, end)} for symbol, start, end in word.phonemes]
        return place

    def usage(self) -> dict[str, int]:
        """Characters in, mel frames out."""
        spent, given = self.num_frames, len(self.fields.input)
        return {"input_tokens": given, "output_tokens": spent, "total_tokens": given + spent}


async def as_events(audio: AsyncIterator[bytes], heard: Heard) -> AsyncIterator[bytes]:
    """Encoded audio as server-sent events; what fails on the way is an event too, never a silent end."""
    try:
        async for content in audio:
            if heard.fields.timestamps and heard.words:
                yield _event({"type": "speech.audio.words", "words": heard.timed()})
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(content).decode()})
    except Exception as error:
        known = as_api_error(error) or ApiError(500, "the voice failed", code="internal_error")
        yield _event({"type": "speech.audio.error", "error": known.as_json()})
        return
    if heard.fields.timestamps and heard.words:
        yield _event({"type": "speech.audio.words", "words": heard.timed()})
    yield _event({"type": "speech.audio.done", "usage": heard.usage()})


def _event(document: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(document)}\n\n".encode()
