"""What counts as going wrong, and what does not."""

import pytest

from ganray.gan import GanState
from ganray.training.health import PATIENCE, collapse, not_a_number


@pytest.fixture
def judge(tiny_run):
    """judge(metrics, times=1, *overrides) -> what is told after so many measured updates."""
    state = GanState(tiny_run("log.every_steps=10", "healing.pinned_steps=200"))

    def told(metrics, times=1):
        return [collapse(state, metrics, state.config) for _ in range(times)][-1]

    return told


def test_a_quiet_life_is_no_collapse(judge):
    for i in range(200):
        mel = 0.3 + 0.1 * (i % 3)
        assert judge({"loss/generator/mel": mel, "generator/level_dbfs": -30}) is None


def test_one_bad_update_is_no_collapse(judge):
    judge({"loss/generator/mel": 0.2}, 20)
    assert judge({"loss/generator/mel": 5.0}, PATIENCE - 1) is None
    assert judge({"loss/generator/mel": 0.2}) is None
    assert judge({"loss/generator/mel": 5.0}, PATIENCE - 1) is None


@pytest.mark.parametrize("name", ["loss/generator/mel", "loss/generator/feature_matching"])
def test_a_jump_that_stays_is_told(judge, name):
    judge({name: 0.2}, 20)
    assert judge({name: 1.0}, PATIENCE) == f"{name} jumped from 0.2 to 1"


def test_silence_is_told(judge):
    assert judge({"generator/level_dbfs": -120.0}, PATIENCE - 1) is None
    assert "silent" in judge({"generator/level_dbfs": -120.0})


def test_a_judge_that_is_always_right_is_told(judge):
    always = {"discriminator/real_percent": 100.0, "discriminator/fake_percent": 100.0}
    assert judge(always, 19) is None
    assert judge(always | {"discriminator/fake_percent": 90.0}) is None
    assert judge(always, 19) is None
    assert "always right for 200 updates" in judge(always)


def test_what_is_no_number_is_named():
    assert not_a_number({"a": 1.0, "b": float("nan"), "c": float("inf")}) == "b, c are no number"
    assert not_a_number({"a": 1.0}) is None
