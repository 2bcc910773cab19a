"""One clip after the other: what breaks is told, what doesn't is judged."""

import sys

import numpy as np
import pytest

from ganray.config.audio import AudioConfig
from ganray.data import Dataset
from ganray.errors import ConfigError, DataError
from ganray.evaluating.scorer import Scorer
from ganray.metrics.references import invert
from ganray.voice import Voice


def hissing(mel, seed):
    return np.random.default_rng(seed).normal(0, 0.1, mel.shape[1] * 256).astype(np.float32)


@pytest.fixture
def scorer(fake_voice, clips):
    """scorer(says, …) judges by pesq and mel, beside nothing."""

    def make(says, measures=("pesq", "mel"), scale=(), **more):
        return Scorer(fake_voice(says), clips, measures=measures, scale=scale, **more)

    return make


def test_a_better_voice_scores_better(scorer):
    good = scorer(lambda mel, seed: invert(mel, AudioConfig(), seed))(0).rows["voice"]
    bad = scorer(hissing)(0).rows["voice"]
    assert good["pesq"] > bad["pesq"] + 0.5
    assert good["mel"] < bad["mel"] / 2


def test_the_recording_is_judged_only_by_what_needs_no_reference(scorer):
    rows = scorer(hissing, ("distillmos", "mel"), ("recording", "noise"))(0).rows
    assert set(rows) == {"voice", "recording", "noise"}
    assert set(rows["recording"]) == {"distillmos"}
    assert set(rows["noise"]) == {"distillmos", "mel"}


@pytest.mark.parametrize(
    ("says", "reason", "lacks"),
    [
        (lambda mel, seed: np.full(mel.shape[1] * 256, np.nan), "NaN or infinite", {"pesq", "mel"}),
        (lambda mel, seed: np.zeros(mel.shape[1] * 256), "silent", {"pesq"}),
        (lambda mel, seed: np.ones(256), "differ in length", {"pesq", "mel"}),
        (lambda mel, seed: 1 / 0, "ZeroDivisionError", {"pesq", "mel"}),
    ],
    ids=["nan", "silent", "short", "raises"],
)
def test_a_broken_clip_is_told_and_the_scale_still_stands(says, reason, lacks, scorer):
    result = scorer(says, scale=("griffin_lim",))(1, shown=True)
    assert {failure.measure for failure in result.failures} == lacks
    for failure in result.failures:
        assert (failure.clip, failure.row) == ("clip-1", "voice")
        assert reason in failure.reason
    assert set(result.rows["griffin_lim"]) == {"pesq", "mel"}
    assert "griffin_lim" in result.sounds


def test_a_missing_package_ends_it(scorer, monkeypatch):
    monkeypatch.setitem(sys.modules, "pesq", None)
    with pytest.raises(ConfigError, match="ganray"):
        scorer(hissing)(0)


def test_a_clip_is_judged_the_same_whatever_came_before(scorer):
    alone = scorer(hissing, scale=("noise",))(2)
    after = scorer(hissing, scale=("noise",))
    after(0)
    after(1)
    assert after(2).rows == alone.rows
    assert scorer(hissing, scale=("noise",), seed=1)(2).rows != alone.rows


def test_an_unreadable_clip_is_a_data_error(scorer, monkeypatch):
    class Broken:
        def __getitem__(self, index):
            raise DataError("a shard can't be read")

    broken = scorer(hissing)
    broken.split = Broken()
    with pytest.raises(DataError, match="shard"):
        broken(0)


@pytest.mark.ray
def test_a_text_voice_is_judged_by_what_it_says_and_its_vocoder_by_what_it_copies(text_voice, dataset):
    split = Dataset.open(dataset).split("validation")
    measures = ["distillmos", "pesq", "per"]
    scores = Scorer(Voice.load(text_voice), split, measures=measures, scale=("recording",))(0)
    assert not scores.failures
    assert set(scores.rows) == {"voice", "copy", "recording"}
    assert set(scores.rows["voice"]) == {"distillmos", "per"}
    assert set(scores.rows["copy"]) == {"distillmos", "pesq", "per"}
    assert scores.rows["recording"]["per"] < scores.rows["voice"]["per"]  # it only murmurs
    assert scores.rows["copy"]["pesq"] > 1.2
