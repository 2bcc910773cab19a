"""The HTTP API and the page, as an ASGI app that knows nothing of Ray: `app.py` puts it in front of the replicas."""

import asyncio
import base64
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import FileResponse, JSONResponse, Response

from ganray import __version__
from ganray.config.serve import ServeConfig
from ganray.serving import listening, openapi
from ganray.serving.answers import Health, Model, Models, Named, Vocoder, VoiceHealth, Voices
from ganray.serving.clients import Takers, while_there
from ganray.serving.errors import ApiError, install
from ganray.serving.keys import Door
from ganray.serving.live import converse
from ganray.serving.openapi import ASKS, MAKES, audio, errors, live_session, speech_answers, speech_body, vocode_body
from ganray.serving.origins import Origins
from ganray.serving.requests import VocodeFields, read_vocode_request, within
from ganray.serving.responses import audio_response, whole
from ganray.serving.service import Service, VoiceInfo, reader, voice_of
from ganray.serving.speech import OPENAI_PCM_RATE, Heard, as_events, read_speech_request
from ganray.serving.uploads import decode_audio, decode_mel, is_mel

PAGE = Path(__file__).parent / "page"
SCRIPTS = (
    "page.js",
    "blind.js",
    "link.js",
    "picture.js",
    "say.js",
    "service.js",
    "sound.js",
    "tally.js",
    "track.js",
    "vocode.js",
    "words.js",
)
PAGE_FILES = {"index.html": "text/html", "page.css": "text/css", **dict.fromkeys(SCRIPTS, "text/javascript")}
PAGE_HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": "default-src 'self'; img-src 'self' data:; media-src 'self' blob:",
    "x-content-type-options": "nosniff",
}


def create_app(service: Callable[[], Service]) -> FastAPI:
    """The app.

    Args:
        service: Gives what stands behind it, when a request comes.
    """
    app = FastAPI(title="ganray", version=__version__, docs_url=None, redoc_url=None)  # their pages need a CDN
    app.add_middleware(Door, access=lambda: service().config.access)
    install(app)
    app.add_middleware(Takers, patience_s=lambda: service().config.limits.patience_s)
    app.add_middleware(Origins, access=lambda: service().config.access)  # the outermost: it sees errors, too
    openapi.install(app)

    @app.get("/healthz", operation_id="healthz")
    async def healthz() -> Health:
        """Whether the front is up."""
        return Health()

    @app.get("/v1/models", operation_id="models", responses=errors(401, 429, 500))
    async def models() -> Models:
        """Every voice, in OpenAI's list shape."""
        voices = await service().voices()
        return Models(data=[Model.of(service().config, voice) for voice in voices.values()])

    @app.get("/v1/models/{model}", operation_id="model", responses=ASKS)
    async def model(model: str) -> Model:
        """One voice."""
        return Model.of(service().config, await voice_of(service(), model, "model"))

    @app.get("/v1/vocoders/{model}", operation_id="vocoder", responses=ASKS)
    async def vocoder(model: str) -> Vocoder:
        """One voice's audio contract, and what requests for it may be."""
        return Vocoder.of(service().config, await voice_of(service(), model, "model"))

    @app.post(
        "/v1/audio/vocode",
        operation_id="vocode",
        openapi_extra=vocode_body(),
        responses=audio() | MAKES,
        response_class=Response,
    )
    async def vocode(request: Request) -> Response:
        """Audio or a mel in, the voice's audio out."""
        return await _vocode(service(), request)

    @app.get("/v1/audio/voices", operation_id="voices", responses=errors(401, 429, 500))
    async def voices() -> Voices:
        """Every voice that can be named in a request, `default` among them."""
        found = await service().voices()
        by_name = {"default": found[service().config.default_voice], **found} if found else {}
        kept = {"speakers", "languages", "styles"}
        return Voices(
            voices=[
                Named(id=name, name=name, **{key: getattr(voice, key) for key in kept})
                for name, voice in by_name.items()
            ]
        )

    @app.get("/v1/audio/voices/{voice}/health", operation_id="voice_health", responses=ASKS)
    async def health(voice: str) -> VoiceHealth:
        """How a voice did in what this front was asked for: streams, failures, clipping, silence."""
        found = await service().voices()
        if voice not in found:
            raise ApiError(404, f"there is no voice {voice!r}", code="voice_not_found", param="voice")
        return VoiceHealth.model_validate(service().health(voice))

    @app.post(
        "/v1/audio/speech",
        operation_id="speech",
        openapi_extra=speech_body(),
        responses=speech_answers() | MAKES,
        response_class=Response,
    )
    async def speech(request: Request) -> Response:
        """Text in, audio out: by text voices."""
        return await _speech(service(), request)

    @app.websocket("/v1/audio/speech/stream")
    async def live(socket: WebSocket) -> None:
        await converse(socket, service())

    @app.get(
        "/v1/audio/speech/stream",
        operation_id="speech_stream",
        openapi_extra=live_session(),
        responses=errors(401, 426, 429, 500),
        status_code=426,
        response_class=Response,
    )
    async def no_socket() -> Response:
        """Text that is still being written in, audio out: a WebSocket."""
        raise ApiError(426, "this is a WebSocket", code="upgrade_required", mend="connect with ws:// or wss://")

    listening.install(app, service)

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return _page_file("index.html")

    for name in PAGE_FILES:
        app.add_api_route(f"/{name}", _file_route(name), include_in_schema=False)
    return app


async def _vocode(service: Service, request: Request) -> Response:
    begin = time.perf_counter()
    config = service.config
    reading = read_vocode_request(request, config.limits.max_upload_bytes)
    asked = await within(config.limits.patience_s, reading)
    fields = asked.fields
    if fields.response_format not in config.limits.formats:
        raise _no_such_format(config, fields.response_format)
    voice = await _chosen(service, fields)
    if voice.kind != "mel":
        raise ApiError(
            400, f"{voice.name} is a {voice.kind} voice, which has no vocoder", code="wrong_voice_kind", param="model"
        )
    limit = config.limits.max_seconds
    raw = fields.file_format == "f32"
    if raw or is_mel(asked.upload):
        decode = partial(decode_mel, voice=voice.name, max_seconds=limit, raw=raw)
        signal = await asyncio.to_thread(decode, asked.upload, fields.audio_contract, voice.audio)
        num_frames = signal.shape[1]
    else:
        signal = await asyncio.to_thread(decode_audio, asked.upload, voice.audio.sample_rate, limit)
        num_frames = len(signal) // voice.audio.hop_length
    if not num_frames:
        raise ApiError(400, "the audio is shorter than one frame", code="audio_too_short", param="file")
    num_samples = num_frames * voice.audio.hop_length
    decoded = time.perf_counter()
    answering = audio_response(
        service.vocode(voice.name, signal, fields.seed),
        num_samples=num_samples,
        sample_rate=voice.audio.sample_rate,
        response_format=fields.response_format,
        stream=fields.stream,
        headers={
            "x-model": voice.name,
            "x-voice-digest": voice.digest,
            "x-seed": str(fields.seed),
            "x-audio-seconds": f"{num_samples / voice.audio.sample_rate:.3f}",
            "content-disposition": f'inline; filename="{voice.name}.{fields.response_format}"',
        },
    )
    response = await while_there(request, answering)
    done = time.perf_counter()
    first = (decoded - begin) * 1000, (done - decoded) * 1000
    response.headers["server-timing"] = f"read;dur={first[0]:.1f}, first-audio;dur={first[1]:.1f}"
    return response


async def _chosen(service: Service, fields: VocodeFields) -> VoiceInfo:
    """The voice that `model` and `voice` name together."""
    if "default" not in (fields.model, fields.voice) and fields.model != fields.voice:
        raise ApiError(
            400,
            f"model {fields.model} and voice {fields.voice} are two voices",
            code="invalid_value",
            param="voice",
            mend="name one",
        )
    by_voice = fields.model == "default" and fields.voice != "default"
    return await voice_of(service, fields.voice if by_voice else fields.model, "voice" if by_voice else "model")


async def _speech(service: Service, request: Request) -> Response:
    begin = time.perf_counter()
    fields = await within(service.config.limits.patience_s, read_speech_request(request))
    if fields.response_format not in service.config.limits.formats:
        raise _no_such_format(service.config, fields.response_format)
    voice = await reader(service, fields)
    heard = Heard(fields, voice.audio.hop_length)
    text = f"[[{fields.input}]]" if fields.phonemes else fields.input
    blocks = heard.listen(service.speak(voice.name, text, fields.delivery, fields.seed, fields.reading))
    to_rate = fields.sample_rate or (OPENAI_PCM_RATE if fields.response_format == "pcm" else None)
    told = {"x-model": voice.name, "x-voice-digest": voice.digest, "x-seed": str(fields.seed)}
    if fields.timestamps and fields.stream_format == "audio":
        making = whole(blocks, voice.audio.sample_rate, to_rate, fields.response_format)
        content, rate = await while_there(request, making)
        document = {
            "audio": base64.b64encode(content).decode(),
            "format": fields.response_format,
            "sample_rate": rate,
            "words": heard.timed(),
            "usage": heard.usage(),
        }
        return JSONResponse(document, headers=told)
    answering = audio_response(
        blocks,
        num_samples=None,
        sample_rate=voice.audio.sample_rate,
        to_rate=to_rate,
        response_format=fields.response_format,
        stream=True,
        headers=told | {"content-disposition": f'inline; filename="{voice.name}.{fields.response_format}"'},
        events=partial(as_events, heard=heard) if fields.stream_format == "sse" else None,
    )
    response = await while_there(request, answering)
    response.headers["server-timing"] = f"first-audio;dur={(time.perf_counter() - begin) * 1000:.1f}"
    return response


def _no_such_format(config: ServeConfig, name: str) -> ApiError:
    return ApiError(
        400,
        f"this service makes no {name}",
        code="invalid_value",
        param="response_format",
        mend=f"use one of {', '.join(config.limits.formats)}",
    )


def _page_file(name: str) -> Response:
    return FileResponse(PAGE / name, media_type=PAGE_FILES[name], headers=PAGE_HEADERS)


def _file_route(name: str) -> Callable[[], Any]:
    async def page_file() -> Response:
        return _page_file(name)

    return page_file
