"""One replica: voices that are loaded when they are asked for, and one thread that makes blocks for all its streams."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ganray.config.serve import ServeConfig
from ganray.errors import GanrayError, UsageError
from ganray.serving import meters
from ganray.serving.backlog import CHARACTERS_PER_S, Backlog
from ganray.serving.errors import OverloadedError
from ganray.serving.shelf import Shelf
from ganray.serving.speech import Reading
from ganray.serving.turns import Playback, Turns
from ganray.voice.delivery import Delivery
from ganray.voice.description import Description
from ganray.voice.reader import open_reader
from ganray.voice.speech import Block, Speaker

if TYPE_CHECKING:
    from ganray.voice import Voice

Answer = Block | OverloadedError | UsageError
"""A block, or why there is none: as a value, for Serve writes a traceback for each exception."""
WARM_UP = "Hello there, and welcome."


@dataclass(frozen=True)
class Loaded:
    """A voice in memory, by the name that requests give it: its speaker where it reads text, else the whole voice."""

    name: str
    of: Description
    speaker: Speaker | None = None
    voice: "Voice | None" = None


class Clocks(NamedTuple):
    """Seconds of the clock, of turns, and of a core that this process had."""

    at_s: float
    turns_s: float
    cpu_s: float


class Generator:
    """See above.

    Args:
        config: Of the service.
        first: The voice that is there before anybody asks; None: none is.
    """

    def __init__(self, config: ServeConfig, first: str | None = None) -> None:
        self.config = config
        self._shelf = Shelf(config)
        self._turns = Turns()
        self._loading_s = 0.0
        self._backlog = Backlog(config.queue.most_wait_s)
        self._loaded: dict[str, Loaded] = {}
        self._loading = asyncio.Lock()
        self._meters = meters.ForReplica()
        loaded = self._load(first) if first and first in self._shelf.voices() else None
        if loaded and loaded.speaker:  # the first request finds a warm voice, and a speed to promise by
            self._warm(loaded.speaker)
        self._told = self._clocks()  # from here on: coming up is nobody's load

    async def vocode(self, voice: str, signal: np.ndarray, seed: int) -> AsyncIterator[Answer]:
        """Blocks from a waveform (T,) at the voice's rate, or from its mel (M, F).

        When the client goes away this is cancelled at an `await`: at most one more block is made.
        """
        loaded = await self._voice(voice)
        vocoder, sizes, audio = loaded.voice, self._sizes, loaded.of.audio
        assert vocoder is not None, "the front asks only voices of kind mel"
        seconds = signal.shape[-1] * (audio.hop_length if signal.ndim == 2 else 1) / audio.sample_rate

        def begin() -> Iterator[Block]:
            mel = signal if signal.ndim == 2 else vocoder.mel(signal)
            return map(Block, vocoder.stream(mel, seed=seed, **sizes))

        async for block in self._stream(loaded, seconds, begin):
            yield block

    async def speak(
        self, voice: str, text: str, delivery: dict[str, Any], seed: int, reading: Reading
    ) -> AsyncIterator[Answer]:
        """Blocks from a text, as soon as each is made."""
        loaded = await self._voice(voice)
        speaker, sizes = loaded.speaker, self._sizes
        assert speaker is not None, "the front asks only voices of kind text"
        manner = Delivery(**delivery)
        seconds = len(text) / CHARACTERS_PER_S / manner.speed

        def begin() -> Iterator[Block]:
            if reading == "as said":
                speaker.must_be_as_said(text, manner.language)
            return iter(speaker.speak(text, manner, seed=seed, markup=reading == "markup", **sizes))

        async for block in self._stream(loaded, seconds, begin):
            yield block

    def record_autoscaling_stats(self) -> dict[str, float]:
        """What `ganray.serving.scaling` decides by."""
        backlog, told = self._backlog, self._told
        now = self._told = self._clocks()
        # What is left of a core for blocks is less than all of it: requests and sound go through this process, too.
        worked_s = max(now.turns_s - told.turns_s, (now.cpu_s - told.cpu_s) / self.config.replica.threads)
        self._meters.standing(backlog.by_voice, self._loaded)
        return {
            "busy": min(worked_s / max(now.at_s - told.at_s, 1e-3), 1.0),
            "backlog_s": backlog.seconds,
            "speed": backlog.speed or 0.0,
            "streams": float(len(backlog.promises)),
            "waited_s": backlog.waited_s,
        }

    def _clocks(self) -> Clocks:
        return Clocks(time.perf_counter(), self._turns.busy_s, time.process_time() - self._loading_s)

    @property
    def _sizes(self) -> dict[str, Any]:
        return self.config.stream.model_dump(include={"first_frames", "growth", "block_frames"})

    async def _stream(
        self, loaded: Loaded, seconds: float, begin: Callable[[], Iterator[Block]]
    ) -> AsyncIterator[Answer]:
        name, rate = loaded.name, loaded.of.audio.sample_rate
        try:
            promise = self._backlog.take(seconds, name)
        except OverloadedError as error:
            yield error
            return
        playback, blocks, spent = Playback(self.config.stream.first_audio_s), None, 0.0

        def step() -> Block | None:
            nonlocal blocks, spent
            started = time.perf_counter()
            blocks = blocks or begin()
            block = next(blocks, None)
            spent = time.perf_counter() - started
            return block

        try:
            while (block := await self._turns.take(playback.due, step, playing=playback.began is not None)) is not None:
                if not np.isfinite(block.waveform).all():
                    raise GanrayError("the voice made NaN", voice=name, mend="export an earlier checkpoint")
                made = len(block.waveform) / rate
                playback.add(made)
                self._backlog.made(promise, made, spent)
                self._meters.block(name, made, spent, len(block.waveform) // loaded.of.audio.hop_length)
                yield block
        except UsageError as error:
            yield error
        finally:
            self._backlog.drop(promise)
            self._meters.standing(self._backlog.by_voice, self._loaded)

    async def _voice(self, name: str) -> Loaded:
        """A voice by its name in the config or on the shelf, loaded when it is not.

        Raises:
            DataError: It is gone, or damaged.
        """
        want = self._shelf.voices().get(name)
        loaded = self._loaded.get(name)
        if loaded is not None and (want is None or loaded.of.digest == want.digest):
            self._loaded[name] = self._loaded.pop(name)  # the youngest
            return loaded
        async with self._loading:
            loaded = self._loaded.get(name)
            if loaded is None or (want is not None and loaded.of.digest != want.digest):
                loaded = await asyncio.to_thread(self._load_aside, name)
        return loaded

    def _load_aside(self, name: str) -> Loaded:
        """Load a voice in a thread whose work is none of the requests': another replica would have to load it, too."""
        began = time.thread_time()
        try:
            return self._load(name)
        finally:
            self._loading_s += time.thread_time() - began

    def _load(self, name: str) -> Loaded:
        of = self._shelf.voices().get(name)
        if of is None:
            raise GanrayError(f"the voice {name} is gone", mend="ask GET /v1/models what there is")
        replica = self.config.replica
        begin = time.perf_counter()
        if of.portable and of.kind == "text" and not replica.gpus:
            loaded = Loaded(name, of, open_reader(of.path, replica.threads))
        else:
            import torch

            from ganray.voice import Voice

            torch.set_num_threads(replica.threads)
            voice = Voice.load(of.path, "cuda" if replica.gpus else "cpu")
            loaded = Loaded(name, of, voice.must_speak() if of.kind == "text" else None, voice)
        self._loaded.pop(name, None)
        self._loaded[name] = loaded
        while len(self._loaded) > replica.max_voices:
            del self._loaded[next(iter(self._loaded))]
        self._meters.loaded(name, time.perf_counter() - begin)
        return loaded

    def _warm(self, speaker: Speaker) -> None:
        for _ in range(2):
            promise = self._backlog.take(1.0)
            begin = time.perf_counter()
            for block in speaker.speak(WARM_UP, Delivery(), **self._sizes):
                now = time.perf_counter()
                self._backlog.made(promise, len(block.waveform) / speaker.audio.sample_rate, now - begin)
                begin = now
            self._backlog.drop(promise)
