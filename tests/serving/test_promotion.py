"""What speaks against a new voice: what it says to the probes, beside the old one, each check by itself."""

import numpy as np
import pytest

from ganray.errors import GanrayError
from ganray.serving import promotion, traffic
from ganray.serving.load import SENTENCES
from ganray.serving.promotion import Service, examine, promote
from ganray.serving.traffic import Route

RATE = 24_000
GOOD = (0.3 * np.sin(np.arange(RATE) * 0.05)).astype(np.float32)


class Voices(Service):
    """A service whose voices say the same whatever they are asked: a waveform, or an error."""

    def __init__(self, **says: object) -> None:
        object.__setattr__(self, "says", says)
        object.__setattr__(self, "healths", {name: [] for name in says})

    def get(self, path: str) -> dict:
        if path == "/v1/models":
            return {"data": [{"id": name, "kind": "text"} for name in self.says]}
        name = path.split("/")[-2]
        counts = self.healths[name].pop(0) if self.healths[name] else {}
        return {"front": "f", "streams": 0, "failed": 0, "silent": 0, "clipped": 0} | counts

    def say(self, voice: str, text: str) -> tuple[np.ndarray, int]:
        said = self.says[voice]
        if isinstance(said, Exception):
            raise said
        return said, RATE


def clipped() -> np.ndarray:
    wave = GOOD.copy()
    wave[:: len(wave) // 100] = 1.0
    return wave


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (GanrayError("/v1/audio/speech: 500 the voice made NaN"), "NaN"),
        (np.zeros(RATE, np.float32), "it is silent"),
        (clipped(), "it clips 100 samples"),
        (GOOD[: RATE // 2], "it is 0.50 times as long"),
        (np.tile(GOOD, 2), "it is 2.00 times as long"),
    ],
)
def test_each_fault_is_found_and_the_old_voice_stays(tmp_path, says, told):
    service = Voices(old=GOOD, new=says)
    done = promote(service, tmp_path, "old", "new", share=0.5, listen=False)
    assert done["what"] == "refused"
    assert len(done["problems"]) == len(SENTENCES)
    assert all(told in problem for problem in done["problems"])
    assert traffic.read(tmp_path) == {}
    (entry,) = traffic.history(tmp_path)
    assert (entry["what"], entry["problems"]) == ("refused", done["problems"])


@pytest.mark.parametrize(
    ("by", "passes"),
    [((-0.5, -0.6), False), ((-0.5, 0.6), True), ((0.5, 0.6), True)],
)
def test_a_voice_that_sounds_worse_beyond_chance_is_refused(monkeypatch, by, passes):
    """DistillMOS of each sentence: the old voice's, and the new one's by so much more, in turns."""
    scores = [score for number in range(len(SENTENCES)) for score in (4.0, 4.0 + by[number % 2])]
    monkeypatch.setattr(promotion, "measure", lambda *_, **__: scores.pop(0))
    found = examine(Voices(old=GOOD, new=GOOD), "old", "new")
    assert found.passed is passes
    assert passes or "DistillMOS" in found.problems[0]
    assert found.better


def test_what_is_wrong_with_both_speaks_against_neither():
    assert examine(Voices(old=clipped(), new=clipped()), "old", "new", listen=False).passed


def test_a_canary_that_fails_is_taken_back_at_once_and_a_good_one_goes_live(tmp_path, monkeypatch):
    monkeypatch.setattr(promotion, "POLL_S", 0.01)
    service = Voices(old=GOOD, new=GOOD)
    service.healths["new"] += [{}, {"streams": 10}, {"streams": 20, "failed": 1}]
    service.healths["old"] += [{}, {"streams": 90}, {"streams": 180}]
    done = promote(service, tmp_path, "old", "new", share=0.1, watch_s=60, listen=False)
    assert done["what"] == "rolled back"
    assert "1 of 20 streams" in done["problems"][0]
    assert traffic.read(tmp_path) == {"old": Route("old")}
    done = promote(service, tmp_path, "old", "new", share=0.1, watch_s=0.05, listen=False)
    assert done["what"] == "live"
    assert traffic.read(tmp_path) == {"old": Route("new")}
    assert [entry["what"] for entry in traffic.history(tmp_path)] == ["canary", "rolled back", "canary", "live"]


def test_a_watch_that_breaks_off_takes_the_canary_back(tmp_path, monkeypatch):
    def away(*_: object) -> None:
        raise GanrayError("the service does not answer")

    monkeypatch.setattr(promotion, "watch", away)
    with pytest.raises(GanrayError):
        promote(Voices(old=GOOD, new=GOOD), tmp_path, "old", "new", share=0.1, listen=False)
    assert traffic.read(tmp_path) == {"old": Route("old")}
