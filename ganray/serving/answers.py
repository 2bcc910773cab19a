"""The JSON that the API answers with, typed: what is here is what /openapi.json says."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ganray.config.audio import AudioConfig
from ganray.config.serve import Format, ServeConfig
from ganray.serving.service import VoiceInfo


class Health(BaseModel):
    """Of the front."""

    status: Literal["ok"] = "ok"


class Model(BaseModel):
    """A voice, in OpenAI's shape of a model."""

    id: str
    object: Literal["model"] = "model"
    created: int
    """Unix seconds."""
    owned_by: str = "ganray"
    kind: Literal["text", "mel", "noise"]
    default: bool
    """Whether requests that name none mean this one."""
    digest: str
    """Of card and weights: two voices of one digest make the same sound."""
    num_parameters: int
    scores: dict[str, Any]
    """Held-out scores of its checkpoint."""

    @classmethod
    def of(cls, config: ServeConfig, voice: VoiceInfo) -> "Model":
        """A voice of a service."""
        return cls(
            id=voice.name,
            created=voice.created,
            kind=voice.kind,
            default=voice.name == config.default_voice,
            digest=voice.digest,
            num_parameters=voice.num_parameters,
            scores=voice.scores,
        )


class Models(BaseModel):
    """Every voice, in OpenAI's list shape."""

    object: Literal["list"] = "list"
    data: list[Model]


class Vocoder(BaseModel):
    """A voice's audio contract, and what requests for it may be."""

    id: str
    object: Literal["vocoder"] = "vocoder"
    kind: Literal["text", "mel", "noise"]
    audio: AudioConfig
    audio_digest: str
    frame_rate_hz: float
    digest: str
    formats: tuple[Format, ...]
    max_seconds: float
    max_upload_bytes: int

    @classmethod
    def of(cls, config: ServeConfig, voice: VoiceInfo) -> "Vocoder":
        """A voice of a service."""
        return cls(
            id=voice.name,
            kind=voice.kind,
            audio=voice.audio,
            audio_digest=voice.audio.digest(),
            frame_rate_hz=voice.audio.frame_rate_hz,
            digest=voice.digest,
            formats=config.limits.formats,
            max_seconds=config.limits.max_seconds,
            max_upload_bytes=config.limits.max_upload_bytes,
        )


class Named(BaseModel):
    """A name for `voice`, and what that voice can be asked for."""

    id: str
    name: str
    speakers: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()


class Voices(BaseModel):
    """Every name that `voice` may have."""

    voices: list[Named]


class VoiceHealth(BaseModel):
    """How a voice did in what one front was asked for."""

    id: str
    object: Literal["voice.health"] = "voice.health"
    front: str
    """Which: each counts for itself."""
    streams: int
    failed: int
    left: int
    silent: int
    clipped: int
    first_audio_s: float


class Place(BaseModel):
    """When a phoneme is heard, in seconds."""

    phoneme: str
    start_s: float
    end_s: float


class TimedWord(BaseModel):
    """When a word is heard, in seconds, and where it stands in `input`, in characters."""

    word: str
    start: int
    end: int
    start_s: float
    end_s: float
    phonemes: list[Place] | None = None


class Usage(BaseModel):
    """Characters in, mel frames out."""

    input_tokens: int
    output_tokens: int
    total_tokens: int


class TimedSpeech(BaseModel):
    """Speech with its timings."""

    audio: str = Field(json_schema_extra={"contentEncoding": "base64"})
    format: Format
    sample_rate: int
    words: list[TimedWord]
    usage: Usage


class AudioDelta(BaseModel):
    """More of the audio."""

    type: Literal["speech.audio.delta"]
    audio: str = Field(json_schema_extra={"contentEncoding": "base64"})


class AudioWords(BaseModel):
    """With `timestamps`: when the words that come next are heard."""

    type: Literal["speech.audio.words"]
    words: list[TimedWord]


class AudioDone(BaseModel):
    """The end of what is whole."""

    type: Literal["speech.audio.done"]
    usage: Usage


class Kept(BaseModel):
    """A listener's answers are kept."""

    status: Literal["kept"] = "kept"


class Error(BaseModel):
    """What went wrong."""

    message: str
    type: Literal["invalid_request_error", "rate_limit_error", "server_error"]
    param: str | None
    code: str | None


class ErrorAnswer(BaseModel):
    """OpenAI's error envelope."""

    error: Error


class AudioError(BaseModel):
    """The end of what failed on the way."""

    type: Literal["speech.audio.error"]
    error: Error


Event = Annotated[AudioDelta | AudioWords | AudioDone | AudioError, Field(discriminator="type")]
"""What the data of a server-sent event is."""
