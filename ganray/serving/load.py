"""A service under load: what listeners would have heard, and whether all of it arrived as it should.

Closed loop: so many listeners, each asks again when it has heard all. Open loop: requests come at random times
(Poisson) whether or not earlier ones are answered, as they do from people who know nothing of each other.
"""

import asyncio
import hashlib
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import numpy as np

SENTENCES = (
    "The harbour was quiet in the early morning, and a thin mist lay over the water.",
    "Please leave the parcel with the neighbour on the second floor.",
    "Nine of the twelve boxes had already been opened when she arrived.",
    "He wrote the number on the back of an old envelope and forgot about it.",
    "There is a train at twenty past seven, and another one an hour later.",
    "Snow had fallen during the night, so the road to the village was closed.",
    "The answer is simpler than it looks, once the question is put the other way round.",
    "My grandmother kept her recipes in a tin, between letters from her brother.",
)
BYTES_PER_S = 24_000 * 2
"""Of pcm."""
FIRST_AUDIO_GOAL_S = 0.2
"""Good enough to count for goodput: about the gap between two speakers' turns (Stivers et al. 2009)."""


@dataclass
class Heard:
    """One request, as its listener met it."""

    status: int = 0
    first_s: float | None = None
    seconds: float = 0.0
    audio_s: float = 0.0
    dry_s: float = 0.0
    digest: str = ""
    sentence: int = 0
    retry_s: float = 0.0
    why: str = ""

    @property
    def whole(self) -> bool:
        """Whether it was answered, and the answer did not break off."""
        return self.status == 200 and not self.why


async def listen(session: aiohttp.ClientSession, url: str, voice: str, number: int, key: str | None) -> Heard:
    """Ask for a sentence and play it while it comes."""
    which = number % len(SENTENCES)
    heard, begin = Heard(sentence=which), time.monotonic()
    body = {"model": "tts-1", "voice": voice, "input": SENTENCES[which], "response_format": "pcm"}
    headers = {"authorization": f"Bearer {key}"} if key else {}
    digest, began = hashlib.sha256(), 0.0
    try:
        async with session.post(f"{url}/v1/audio/speech", json=body, headers=headers) as response:
            heard.status = response.status
            if response.status != 200:
                heard.retry_s = float(response.headers.get("retry-after", 0))
                heard.why = (await response.text())[:300]
                return heard
            async for chunk in response.content.iter_any():
                now = time.monotonic()
                if heard.first_s is None:
                    heard.first_s, began = now - begin, now
                else:
                    heard.dry_s = max(heard.dry_s, now - began - heard.audio_s)
                heard.audio_s += len(chunk) / BYTES_PER_S
                digest.update(chunk)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        heard.why = repr(error)
    heard.seconds, heard.digest = time.monotonic() - begin, digest.hexdigest()
    return heard


async def closed(ask: Callable[[int], Awaitable[Heard]], streams: int, seconds: float) -> list[Heard]:
    """`streams` listeners for `seconds`; what is under way then is heard to its end."""
    until, count, all_heard = time.monotonic() + seconds, iter(range(10**9)), []

    async def one() -> None:
        while time.monotonic() < until:
            heard = await ask(next(count))
            all_heard.append(heard)
            if not heard.whole:
                await asyncio.sleep(max(0.1, heard.retry_s))  # as OpenAI's client does

    await asyncio.gather(*(one() for _ in range(streams)))
    return all_heard


async def opened(ask: Callable[[int], Awaitable[Heard]], rate: float, seconds: float, seed: int = 1) -> list[Heard]:
    """Requests at `rate` a second, at random times, for `seconds`."""
    draw, begin, at, number = random.Random(seed), time.monotonic(), 0.0, 0
    tasks: list[asyncio.Future[Heard]] = []
    while (at := at + draw.expovariate(rate)) < seconds:
        await asyncio.sleep(max(0.0, begin + at - time.monotonic()))
        tasks.append(asyncio.ensure_future(ask(number)))
        number += 1
    return [await task for task in tasks]


def summary(all_heard: Sequence[Heard], seconds: float, expected: dict[int, str]) -> dict[str, Any]:
    """The figures of one load.

    Args:
        all_heard: Every request.
        seconds: How long the load lasted.
        expected: Sentence → digest of what must be heard; those that are missing are learned from the first one.
    """
    whole = [heard for heard in all_heard if heard.whole]
    for heard in whole:
        expected.setdefault(heard.sentence, heard.digest)
    corrupted = sum(heard.digest != expected[heard.sentence] for heard in whole)
    first = np.array([heard.first_s for heard in whole if heard.first_s is not None]) * 1000
    good = [heard for heard in whole if heard.dry_s <= 0 and (heard.first_s or 9) <= FIRST_AUDIO_GOAL_S]
    refused = [heard for heard in all_heard if heard.status in (429, 503)]
    failed = [heard for heard in all_heard if not heard.whole and heard.status not in (429, 503)]
    return {
        "requests": len(all_heard),
        "whole": len(whole),
        "refused": len(refused),
        "failed": len(failed),
        "corrupted": corrupted,
        "requests_per_s": len(whole) / seconds,
        "audio_seconds_per_s": sum(heard.audio_s for heard in whole) / seconds,
        "first_audio_ms": {f"p{q}": round(float(np.percentile(first, q)), 1) for q in (50, 95, 99)}
        if len(first)
        else {},
        "under_run_percent": 100 * sum(heard.dry_s > 0 for heard in whole) / max(len(whole), 1),
        "goodput_per_s": len(good) / seconds,
        "failures": sorted({heard.why for heard in failed})[:5],
    }


async def measure(
    url: str,
    *,
    voice: str = "default",
    streams: Sequence[int] = (),
    rates: Sequence[float] = (),
    seconds: float = 7.0,
    rounds: int = 3,
    key: str | None = None,
    before: Callable[[], None] = lambda: None,
    tell: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """Loads in turn, after one request of each sentence that warms up and says what must be heard.

    Args:
        url: Of the service.
        voice: Of the requests.
        streams: Closed loops, by their listeners.
        rates: Open loops, by their requests a second.
        seconds: How long each lasts, each time.
        rounds: How often each has its turn.
        key: An API key.
        before: Called before every round, while nobody asks.
        tell: Gets a line before each.

    Returns:
        A `summary` a load, of all rounds together; what is in `rounds_…` is of each.
    """
    expected: dict[int, str] = {}
    limits = aiohttp.ClientTimeout(total=300)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=limits) as session:

        async def ask(number: int) -> Heard:
            return await listen(session, url, voice, number, key)

        warm = [await ask(number) for number in range(len(SENTENCES))]
        summary(warm, 1.0, expected)
        loads = [("closed", float(count)) for count in streams] + [("open", rate) for rate in rates]
        done: list[list[tuple[list[Heard], float]]] = [[] for _ in loads]
        for turn in range(rounds):
            before()
            for (kind, level), its in zip(loads, done, strict=True):
                tell(f"{level:g} {'streams' if kind == 'closed' else 'requests a second'}, {turn + 1} of {rounds}")
                begin = time.monotonic()
                asked = closed(ask, int(level), seconds) if kind == "closed" else opened(ask, level, seconds, turn)
                its.append((await asked, time.monotonic() - begin))
    return [
        {"loop": kind, "level": level, **_together(its, expected)}
        for (kind, level), its in zip(loads, done, strict=True)
    ]


def _together(its: Sequence[tuple[list[Heard], float]], expected: dict[int, str]) -> dict[str, Any]:
    """The rounds of one load: the figures of all, and those of each that are compared with another run's."""
    each = [summary(heard, lasted, expected) for heard, lasted in its]
    whole = summary([one for heard, _ in its for one in heard], sum(lasted for _, lasted in its), expected)
    whole["rounds_audio_seconds_per_s"] = [one["audio_seconds_per_s"] for one in each]
    whole["rounds_p50_ms"] = [one["first_audio_ms"]["p50"] for one in each if one["first_audio_ms"]]
    return whole
