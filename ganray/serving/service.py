"""What stands behind the API, and which of its voices a request means."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.config.serve import ServeConfig
from ganray.serving.errors import ApiError
from ganray.serving.speech import MODELS, Reading, SpeechFields
from ganray.voice.description import Description
from ganray.voice.speech import Block


@dataclass(frozen=True)
class VoiceInfo:
    """What the front must know of a voice to take requests for it."""

    name: str
    kind: str
    audio: AudioConfig
    digest: str
    num_parameters: int
    created: int = 0
    scores: dict[str, Any] = field(default_factory=dict)
    speakers: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, voice: Description) -> "VoiceInfo":
        """A voice by the name that requests give it."""
        return cls(
            name,
            voice.kind,
            voice.audio,
            voice.digest,
            voice.num_weights,
            voice.created,
            voice.scores,
            voice.speakers,
            voice.languages,
            voice.styles,
        )


class Service(Protocol):
    """What stands behind the API."""

    config: ServeConfig

    async def voices(self) -> dict[str, VoiceInfo]:
        """Every voice, by name."""

    def route(self, name: str) -> str:
        """The voice that answers one request for this name."""

    def health(self, voice: str) -> dict[str, Any]:
        """How it did in the requests so far, as JSON."""

    def vocode(self, voice: str, signal: np.ndarray, seed: int) -> AsyncGenerator[Block, None]:
        """Blocks from a waveform (T,) at the voice's rate, or from its mel (M, F)."""

    def speak(
        self, voice: str, text: str, delivery: dict[str, Any], seed: int, reading: Reading
    ) -> AsyncGenerator[Block, None]:
        """Blocks from a text; `delivery` holds what `ganray.voice.Delivery` takes."""


async def voice_of(service: Service, name: str, param: str) -> VoiceInfo:
    """The voice of a name, which a request gave as `param`.

    Raises:
        ApiError: 404: there is none.
    """
    voices = await service.voices()
    name = service.config.default_voice if name == "default" else name
    if name not in voices:
        raise ApiError(
            404,
            f"there is no {param} {name!r}",
            code=f"{param}_not_found",
            param=param,
            mend=f"use one of {', '.join(voices)}",
        )
    return voices.get(service.route(name), voices[name])


async def reader(service: Service, fields: SpeechFields) -> VoiceInfo:
    """The text voice that `voice` names; with `default`, the one that `model` names.

    Raises:
        ApiError: 404: there is none; 400: it reads no text, or two are named.
    """
    voice = await _named(service, fields)
    if voice.kind != "text":
        raise ApiError(
            400,
            f"{voice.name} is a {voice.kind} voice and reads no text",
            code="wrong_voice_kind",
            param="voice",
            mend="POST audio, or a mel, to /v1/audio/vocode",
        )
    return voice


async def _named(service: Service, fields: SpeechFields) -> VoiceInfo:
    by_model = fields.model not in ("default", *MODELS)
    model = await voice_of(service, fields.model if by_model else "default", "model")
    if fields.voice == "default":
        return model
    voice = await voice_of(service, fields.voice, "voice")
    if by_model and voice.name != model.name:
        raise ApiError(
            400,
            f"model {fields.model} and voice {fields.voice} are two voices",
            code="invalid_value",
            param="voice",
            mend="name one, and use default for the other",
        )
    return voice
