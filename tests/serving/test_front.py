"""The front between its clients and replicas, without Ray: what it does when either leaves the other waiting."""

import asyncio

import numpy as np
import pytest

from ganray.config.serve import ServeConfig
from ganray.serving.app import Ingress
from ganray.serving.errors import ApiError, OverloadedError
from ganray.voice.speech import Block

BLOCK = Block(np.full(2400, 0.1, np.float32))


class Stream:
    """A replica's answer: what it makes, and then nothing for ever where it hangs."""

    def __init__(self, *makes: object, hangs: bool = False) -> None:
        self._makes, self._hangs, self.cancelled = list(makes), hangs, False

    def __aiter__(self) -> "Stream":
        return self

    async def __anext__(self) -> object:
        if self._makes:
            return self._makes.pop(0)
        if self._hangs:
            await asyncio.Future()
        raise StopAsyncIteration

    def cancel(self) -> None:
        self.cancelled = True


class Handle:
    """A generator's handle, by whose answer all are answered."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def options(self, **_: object) -> "Handle":
        return self

    @property
    def vocode(self) -> "Handle":
        return self

    def remote(self, *_: object) -> Stream:
        return self._stream


@pytest.fixture
def front(mel_voice):
    def make(stream: Stream, **own: Stream) -> Ingress:
        voices = dict.fromkeys(("tiny", *own), str(mel_voice))
        config = ServeConfig.model_validate({"voices": voices, "limits": {"stall_s": 0.2}})
        return Ingress(Handle(stream), config, {name: Handle(one) for name, one in own.items()})

    return make


def asked(front: Ingress, voice: str = "tiny") -> object:
    return front.vocode(voice, np.zeros(2400, np.float32), 0)


async def whole(front: Ingress, voice: str = "tiny") -> int:
    return len([block async for block in asked(front, voice)])


def test_a_replica_that_hangs_is_given_up_and_its_work_cancelled(front):
    stream = Stream(BLOCK, hangs=True)
    service = front(stream)
    with pytest.raises(ApiError) as caught:
        asyncio.run(whole(service))
    assert (caught.value.status, caught.value.code) == (504, "replica_timeout")
    assert caught.value.response().headers["retry-after"] == "1"
    assert stream.cancelled
    assert service.health("tiny")["failed"] == 1


def test_a_listener_who_leaves_ends_the_work(front):
    stream = Stream(BLOCK, BLOCK, BLOCK)
    service = front(stream)

    async def leave() -> None:
        blocks = asked(service)
        await anext(blocks)
        await blocks.aclose()

    asyncio.run(leave())
    assert stream.cancelled
    assert service.health("tiny")["left"] == 1


def test_one_who_leaves_while_waiting_ends_it_too(front):
    stream = Stream(hangs=True)
    service = front(stream)

    async def leave() -> None:
        task = asyncio.create_task(whole(service))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    assert stream.cancelled


def test_what_is_whole_is_not_cancelled_and_a_refusal_counts_for_nobody(front):
    stream = Stream(BLOCK, BLOCK)
    service = front(stream)
    assert asyncio.run(whole(service)) == 2
    assert not stream.cancelled
    assert service.health("tiny")["streams"] == 1
    refusing = front(Stream(OverloadedError(3)))
    with pytest.raises(ApiError) as caught:
        asyncio.run(whole(refusing))
    assert caught.value.response().headers["retry-after"] == "3"
    assert refusing.health("tiny")["streams"] == 0


def test_a_voice_with_replicas_of_its_own_is_asked_there(front):
    service = front(Stream(BLOCK), big=Stream(BLOCK, BLOCK, BLOCK))
    assert asyncio.run(whole(service, "big")) == 3
    assert asyncio.run(whole(service)) == 1
