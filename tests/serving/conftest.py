"""The HTTP front over real sockets, with a stand-in behind it that gives back what it is given, and browsers for it."""

import asyncio
import io
import socket
import threading
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import requests
import uvicorn

from ganray.audio import encode
from ganray.config import AudioConfig
from ganray.config.serve import AccessConfig, ServeConfig
from ganray.errors import UsageError
from ganray.serving import keys
from ganray.serving.health import Ward
from ganray.serving.routes import create_app
from ganray.serving.service import VoiceInfo
from ganray.voice.speech import Block, SpokenWord

from . import chromium, firefox
from .browser import Browser
from .page import READY

AUDIO = AudioConfig()


@dataclass
class Parrot:
    """A service whose voice is perfect: the waveform comes back as it is, a mel as a tone."""

    config: ServeConfig
    kinds: dict[str, str]
    error: BaseException | None = None
    """Raised before block number `error_at`."""
    error_at: int = 0
    pause_s: float = 0.0
    """Before every block."""
    made: list[int] = field(default_factory=list)
    """Numbers of the blocks made, over all requests."""
    seeds: list[int] = field(default_factory=list)
    asked: list[dict] = field(default_factory=list)
    """Of `speak`."""

    async def voices(self) -> dict[str, VoiceInfo]:
        return {
            name: VoiceInfo(name, kind, AUDIO, digest="0123456789abcdef", num_parameters=1)
            for name, kind in self.kinds.items()
        }

    def route(self, name: str) -> str:
        return name

    def health(self, voice: str) -> dict:
        return Ward().of(voice)

    async def vocode(self, voice: str, signal: np.ndarray, seed: int) -> AsyncGenerator[Block, None]:
        self.seeds.append(seed)
        hop = AUDIO.hop_length
        if signal.ndim == 2:
            wave = np.sin(np.arange(signal.shape[1] * hop) * 0.1).astype(np.float32) * 0.5
        else:
            wave = signal[: len(signal) // hop * hop]
        for number, start in enumerate(range(0, len(wave), 16 * hop)):
            await asyncio.sleep(self.pause_s)
            if self.error is not None and number == self.error_at:
                raise self.error
            self.made.append(number)
            yield Block(wave[start : start + 16 * hop])

    async def speak(
        self, voice: str, text: str, delivery: dict[str, float], seed: int, reading: str
    ) -> AsyncGenerator[Block, None]:
        """A tone of 20 frames a word, an octave higher for 12 semitones."""
        self.asked.append({"text": text, "seed": seed, "reading": reading, **delivery})
        if not text.replace(".", "").split():
            raise UsageError("nothing to say: there is no word in the text")
        at = 0
        for number, word in enumerate(text.split()):
            at = text.index(word, at)
            step = 20 * AUDIO.hop_length / AUDIO.sample_rate
            timed = SpokenWord(word, at, at + len(word), number * step, (number + 1) * step, (("x", 0.0, step),))
            at += len(word)
            await asyncio.sleep(self.pause_s)
            if self.error is not None and number == self.error_at:
                raise self.error
            self.made.append(number)
            times = np.arange(20 * AUDIO.hop_length) * 0.05 * 2 ** (delivery["pitch"] / 12)
            yield Block(np.sin(times).astype(np.float32) * 0.5, (timed,))


@dataclass
class Endpoint:
    """A running HTTP front."""

    url: str
    service: Parrot

    def vocode(self, data: bytes, **fields: object) -> requests.Response:
        """As `curl -F file=@… -F field=…` does it."""
        form = {name: str(value) for name, value in fields.items()}
        return requests.post(f"{self.url}/v1/audio/vocode", files={"file": data}, data=form, timeout=60)


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    config = ServeConfig.model_validate(
        {
            "voices": {"polly": "nowhere", "hiss": "nowhere", "reader": "nowhere"},
            "limits": {
                "max_upload_bytes": 400_000,
                "max_seconds": 4,
                "formats": ["wav", "flac", "mp3", "opus", "aac", "pcm"],
            },
        }
    )
    service = Parrot(config, {"polly": "mel", "hiss": "noise", "reader": "text"})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(lambda: service), port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        pass
    yield Endpoint(f"http://127.0.0.1:{port}", service)
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def endpoint(served: Endpoint) -> Endpoint:
    """The front, with its stand-in as new."""
    service = served.service
    service.error, service.error_at, service.pause_s = None, 0, 0.0
    service.made.clear()
    service.seeds.clear()
    service.asked.clear()
    return served


@pytest.fixture(scope="session")
def waveform() -> np.ndarray:
    """(T,) at 24 kHz, 1.5 s: a gliding tone with overtones, like a vowel."""
    t = np.arange(36_000) / 24_000
    phase = 2 * np.pi * np.cumsum(120 + 60 * np.sin(2 * np.pi * 1.5 * t)) / 24_000
    wave = sum(np.sin(k * phase) / k for k in range(1, 12))
    return (0.25 * wave * np.minimum(1, 10 * np.minimum(t, t[::-1]))).astype(np.float32)


@pytest.fixture(scope="session")
def wav(waveform: np.ndarray) -> bytes:
    """The same as a wav file."""
    return encode(waveform, 24_000, "wav")


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def browser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Each in turn."""
    yield from opened(request.param, tmp_path_factory.mktemp("browser"))


@pytest.fixture
def page(browser: Browser, endpoint: Endpoint) -> Iterator[Browser]:
    """The page, just opened."""
    browser.complaints.clear()
    browser.open("about:blank")
    browser.open(endpoint.url)
    browser.wait(READY)
    yield browser
    browser.run("sessionStorage.clear()")


def opened(name: str, folder: Path) -> Iterator[Browser]:
    """A browser until the test's end; without it, no test."""
    module, kind = {"chromium": (chromium, chromium.Chromium), "firefox": (firefox, firefox.Firefox)}[name]
    if module.PROGRAM is None:
        pytest.skip(f"no {name} is installed")
    if name == "firefox" and firefox.PULSE is None:
        pytest.skip("no pulseaudio is installed, and Firefox plays nothing without a sound device")
    browser = kind(folder / "profile")
    yield browser
    browser.close()


def npy(array: np.ndarray, **how: bool) -> bytes:
    """An array as the bytes of a `.npy`."""
    stream = io.BytesIO()
    np.save(stream, array, **how)
    return stream.getvalue()


@pytest.fixture
def guarded(endpoint, tmp_path):
    """(The front, its file of keys, alice's key); anyone may ask again afterwards."""
    path, service = tmp_path / "keys.txt", endpoint.service
    secret = keys.add(path, "alice")
    open_to_all = service.config
    service.config = open_to_all.model_copy(update={"access": AccessConfig(keys=str(path))})
    yield endpoint, path, secret
    service.config = open_to_all
