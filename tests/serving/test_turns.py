"""Who is served next, and who is told to come again."""

import asyncio
import threading
import time

import pytest

from ganray.serving.backlog import Backlog
from ganray.serving.errors import OverloadedError
from ganray.serving.turns import Playback, Turns


def test_the_most_urgent_work_is_done_first_and_equals_in_their_order():
    async def run() -> list[str]:
        turns, done, gate = Turns(), [], threading.Event()
        first = asyncio.create_task(turns.take(9.0, gate.wait))  # holds the thread until all others wait
        await asyncio.sleep(0.05)
        asked = [(3.0, "c"), (1.0, "a"), (2.0, "b1"), (2.0, "b2")]
        others = [asyncio.create_task(turns.take(due, lambda name=name: done.append(name))) for due, name in asked]
        await asyncio.sleep(0.05)
        gate.set()
        await asyncio.gather(first, *others)
        return done

    assert asyncio.run(run()) == ["a", "b1", "b2", "c"]


def test_who_listens_and_soon_has_nothing_left_goes_before_those_who_came_first():
    async def run() -> list[str]:
        turns, done, gate, now = Turns(), [], threading.Event(), time.monotonic()
        first = asyncio.create_task(turns.take(0.0, gate.wait))
        await asyncio.sleep(0.05)
        asked = [(-1.0, "late", False), (0.1, "in need", True), (0.05, "new", False), (9.0, "well off", True)]
        others = [
            asyncio.create_task(turns.take(now + due, lambda name=name: done.append(name), playing=playing))
            for due, name, playing in asked
        ]
        await asyncio.sleep(0.05)
        gate.set()
        await asyncio.gather(first, *others)
        return done

    assert asyncio.run(run()) == ["in need", "late", "new", "well off"]


def test_who_is_cancelled_while_waiting_is_left_out_and_errors_reach_who_asked():
    async def run() -> list[str]:
        turns, done, gate = Turns(), [], threading.Event()
        first = asyncio.create_task(turns.take(0.0, gate.wait))
        gone = asyncio.create_task(turns.take(1.0, lambda: done.append("gone")))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.sleep(0)  # until it knows
        gate.set()
        await first
        with pytest.raises(ZeroDivisionError):
            await turns.take(2.0, lambda: 1 // 0)
        await turns.take(3.0, lambda: done.append("alive"))
        return done

    assert asyncio.run(run()) == ["alive"]


def test_a_playback_is_due_when_its_sound_runs_out():
    playback = Playback(patience_s=0.5)
    assert playback.due == playback.asked + 0.5
    playback.add(0.02)
    assert playback.due == pytest.approx(playback.began + 0.02)
    playback.add(1.0)
    assert (playback.due - playback.began, playback.dry_s) == (pytest.approx(1.02), 0.0)


def test_a_listener_who_waited_is_noticed():
    playback = Playback(patience_s=0.5)
    playback.add(0.02)
    time.sleep(0.05)
    playback.add(1.0)
    assert 0.02 < playback.dry_s < 1


def backlog(speed: float, first_s: float) -> Backlog:
    """Of a replica that was measured."""
    load = Backlog(most_wait_s=1.0)
    for _ in range(2):
        promise = load.take(1.0)
        load.made(promise, speed * first_s, first_s)
        load.drop(promise)
    return load


def test_as_many_streams_are_taken_as_can_play_at_once():
    load = backlog(speed=10, first_s=0.01)
    taken = [load.take(6.0) for _ in range(9)]
    with pytest.raises(OverloadedError) as refused:
        load.take(6.0)
    assert refused.value.retry_after_s == 6  # 54 s of audio at 10 times real time
    load.drop(taken.pop())
    load.take(6.0)


def test_nobody_is_taken_who_would_wait_too_long():
    load = backlog(speed=1000, first_s=0.4)
    for _ in range(3):
        load.take(1.0)
    with pytest.raises(OverloadedError):
        load.take(1.0)
    for promise in list(load.promises):
        load.made(promise, 0.5, 0.4)
    load.take(1.0)


def test_one_who_comes_alone_is_always_taken():
    load = backlog(speed=0.5, first_s=5)
    load.take(1000.0)
    with pytest.raises(OverloadedError):
        load.take(1.0)
