"""A load is measured in rounds, and what a listener would not have liked is counted."""

import asyncio

import pytest
from aiohttp import web

from ganray.metrics.benches import compare
from ganray.serving.load import SENTENCES, measure


async def measured(answer, **wanted):
    """What `measure` says of a server whose every answer is `answer(number of the request, sentence)`."""
    asked = iter(range(10**6))

    async def speech(request):
        return answer(next(asked), SENTENCES.index((await request.json())["input"]))

    app = web.Application()
    app.router.add_post("/v1/audio/speech", speech)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = site._server.sockets[0].getsockname()[1]
        return await measure(f"http://127.0.0.1:{port}", **wanted)
    finally:
        await runner.cleanup()


def test_loads_take_turns_and_every_turn_is_told():
    order = []
    rows = asyncio.run(
        measured(
            lambda number, sentence: web.Response(body=bytes([sentence]) * 4800),
            streams=(1, 2), rates=(20.0,), seconds=0.3, rounds=3, before=lambda: order.append("-"), tell=order.append,
        )
    )  # fmt: skip
    assert [what[0] for what in order] == [*"-122"] * 3
    assert [(row["loop"], row["level"]) for row in rows] == [("closed", 1.0), ("closed", 2.0), ("open", 20.0)]
    for row in rows:
        assert row["whole"] == row["requests"] > 0
        assert row["corrupted"] == row["failed"] == row["refused"] == 0
        rounds = row["rounds_audio_seconds_per_s"]
        assert len(rounds) == len(row["rounds_p50_ms"]) == 3
        assert min(rounds) <= row["audio_seconds_per_s"] <= max(rounds)
    change = next(c for c in compare({"loads": rows}, {"loads": rows}) if c.key.endswith("rounds_audio_seconds_per_s"))
    assert change.low <= 1 <= change.high


@pytest.mark.parametrize(
    ("wrong", "counted"),
    [
        (web.Response, "corrupted"),  # an answer without sound
        (lambda: web.Response(status=500, text="no"), "failed"),
        (lambda: web.Response(status=429, headers={"retry-after": "0"}), "refused"),
    ],
)
def test_what_is_wrong_after_the_warming_up_is_counted(wrong, counted):
    def answer(number, sentence):
        return wrong() if number == len(SENTENCES) else web.Response(body=bytes([sentence]) * 4800)

    (row,) = asyncio.run(measured(answer, streams=(1,), seconds=0.3, rounds=1))
    assert row[counted] == 1
    assert row["whole"] >= 1
