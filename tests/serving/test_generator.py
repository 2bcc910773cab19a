"""One replica, without Ray: turns, cancelling, and an event loop that stays free."""

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ganray.config import AudioConfig
from ganray.config.serve import ServeConfig
from ganray.errors import GanrayError
from ganray.serving.generator import Clocks, Generator
from ganray.voice.description import Description
from ganray.voice.speech import Block

BLOCKS = 8


class SlowVoice:
    """Makes eight blocks of 30 ms of work and 200 ms of sound each, and notes whose they were."""

    kind, digest, num_parameters, card, audio = "mel", "0" * 16, 1, {}, AudioConfig()
    made: list[int]
    value = 0.0

    def mel(self, waveform: np.ndarray) -> np.ndarray:
        return np.zeros((100, len(waveform) // 256), np.float32)

    def stream(self, mel: np.ndarray, seed: int, first_frames: int, growth: int, block_frames: int):
        for _ in range(BLOCKS):
            time.sleep(0.03)
            self.made.append(seed)
            yield np.full(4800, self.value, np.float32)


@pytest.fixture
def voice(monkeypatch):
    voice = SlowVoice()
    voice.made = []
    monkeypatch.setattr("ganray.voice.Voice", SimpleNamespace(load=lambda *_: voice))
    told = Description(Path("nowhere"), "slow", "mel", AudioConfig(), "0" * 16, 1, 0)
    monkeypatch.setattr("ganray.serving.shelf.describe", lambda _: told)
    return voice


@pytest.fixture
def generator(voice):
    return Generator(ServeConfig(voices={"slow": "nowhere"}), "slow")


async def whole(generator, seed: int, voice: str = "slow") -> list[Block]:
    return [block async for block in generator.vocode(voice, np.zeros((100, 5), np.float32), seed)]


def test_requests_take_turns_block_by_block(generator, voice):
    async def both():
        await asyncio.gather(whole(generator, 1), whole(generator, 2))

    asyncio.run(both())
    assert sorted(voice.made) == [1] * BLOCKS + [2] * BLOCKS
    changes = sum(one != other for one, other in zip(voice.made, voice.made[1:], strict=False))
    assert changes >= BLOCKS


def test_the_event_loop_stays_free_while_blocks_are_made(generator):
    async def beat() -> float:
        task = asyncio.create_task(whole(generator, 1))
        longest, last = 0.0, time.perf_counter()
        while not task.done():
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
        return longest

    # The least of a few tries: another process may take the core for a moment, a blocked loop is slow every time.
    assert min(asyncio.run(beat()) for _ in range(4)) < 0.025


def test_at_most_one_more_block_is_made_after_a_cancel(generator, voice):
    async def cancel() -> int:
        task = asyncio.create_task(whole(generator, 1))
        while len(voice.made) < 2:
            await asyncio.sleep(0.001)
        task.cancel()
        made = len(voice.made)
        await asyncio.sleep(0.15)
        return len(voice.made) - made

    assert asyncio.run(cancel()) <= 1


def test_a_waveform_is_turned_into_its_mel(generator):
    async def run() -> int:
        return len([block async for block in generator.vocode("slow", np.zeros(2560, np.float32), 0)])

    assert asyncio.run(run()) == BLOCKS


def test_a_voice_that_makes_nan_is_told(generator, voice):
    voice.value = float("nan")
    with pytest.raises(GanrayError, match="NaN"):
        asyncio.run(whole(generator, 0))


@pytest.fixture
def loads(voice, monkeypatch) -> list[str]:
    """Voices in the order in which they are loaded, each slowly."""
    loaded: list[str] = []

    def load(path, *_):
        time.sleep(0.05)
        loaded.append(str(path))
        return voice

    monkeypatch.setattr("ganray.voice.Voice", SimpleNamespace(load=load))
    monkeypatch.setattr("ganray.serving.shelf.located", Path)
    monkeypatch.setattr(
        "ganray.serving.shelf.describe",
        lambda path: Description(path, "slow", "mel", AudioConfig(), "0" * 16, 1, 0),
    )
    return loaded


def test_a_voice_is_loaded_once_however_many_ask_for_it_together(loads):
    async def run() -> None:
        generator = Generator(ServeConfig(voices={"a": "a"}))
        assert loads == []
        await asyncio.gather(*(whole(generator, seed, "a") for seed in range(4)))

    asyncio.run(run())
    assert loads == ["a"]


def test_the_voice_that_was_asked_for_longest_ago_makes_room(loads):
    config = ServeConfig.model_validate({"voices": {name: name for name in "abc"}, "replica": {"max_voices": 2}})

    async def run() -> None:
        generator = Generator(config, "a")
        for name in "abacab":
            await whole(generator, 0, name)

    asyncio.run(run())
    assert loads == ["a", "b", "c", "b"]


def spin(seconds):
    """Work of so many seconds of a core."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


@pytest.mark.parametrize(
    ("turns_s", "cpu_s", "threads", "busy"), [(0, 0.2, 1, 0.2), (0.3, 0.2, 1, 0.3), (0.1, 0.8, 2, 0.4), (0, 3, 1, 1)]
)
def test_work_beside_the_turns_counts_too(generator, monkeypatch, turns_s, cpu_s, threads, busy):
    of_threads = generator.config.replica.model_copy(update={"threads": threads})
    monkeypatch.setattr(generator, "config", generator.config.model_copy(update={"replica": of_threads}))
    moments = iter([Clocks(0, 0, 0), Clocks(1, turns_s, cpu_s)])
    monkeypatch.setattr(generator, "_clocks", lambda: next(moments))
    generator.record_autoscaling_stats()
    assert generator.record_autoscaling_stats()["busy"] == pytest.approx(busy)


def test_coming_up_is_no_load(voice, monkeypatch):
    monkeypatch.setattr(Generator, "_load", lambda self, name: spin(0.5))
    generator = Generator(ServeConfig(voices={"slow": "nowhere"}), "slow")
    time.sleep(0.2)
    assert generator.record_autoscaling_stats()["busy"] < 0.3


def test_loading_a_voice_is_no_work_that_another_replica_could_share(generator, monkeypatch):
    monkeypatch.setattr(generator, "_load", lambda name: spin(0.5) or name)
    before = generator._clocks().cpu_s
    spin(0.2)
    assert asyncio.run(generator._voice("english")) == "english"
    assert 0.2 <= generator._clocks().cpu_s - before < 0.5


def test_what_is_promised_is_told_by_voice_and_forgotten_when_it_is_made(generator, monkeypatch):
    told: list[dict] = []
    standing = lambda promised, loaded: told.append({**promised, "loaded": list(loaded)})  # noqa: E731
    monkeypatch.setattr(generator._meters, "standing", standing)

    async def run() -> dict:
        task = asyncio.create_task(whole(generator, 1))
        await asyncio.sleep(0.1)
        stats = generator.record_autoscaling_stats()
        await task
        return stats

    stats = asyncio.run(run())
    assert stats["streams"] == 1
    assert set(stats) == {"busy", "backlog_s", "speed", "streams", "waited_s"}
    assert told[0]["slow"][0] == 1
    assert told[-1] == {"loaded": ["slow"]}
