"""`ganray bench train`: the plain update is the same update, phases are all of its time, and the document is whole."""

import pytest
import torch

from ganray.data import Dataset
from ganray.training.bench.phases import PHASES, Phases
from ganray.training.bench.segments import make_dataset
from ganray.training.bench.updates import compare_updates
from ganray.training.worker import Worker


@pytest.fixture(scope="module")
def made(tiny_run, tmp_path_factory):
    """A made-up dataset for the tiny run."""
    return make_dataset(tmp_path_factory.mktemp("bench") / "dataset", tiny_run(), clips=3)


def test_a_made_up_dataset_is_a_dataset(made, tiny_run):
    config, split = tiny_run(), Dataset.open(made).split("train")
    assert len(split) == 3
    clip = split[0]
    assert len(clip.waveform) == 4 * config.data.segment_length == len(clip.f0) * config.audio.hop_length
    assert 0 < (clip.f0 > 0).mean() < 1
    assert 0.03 < clip.waveform.std() < 0.3


@pytest.fixture(scope="module")
def updates(made, tiny_run):
    """What comparing updates of the tiny run gives; of a size that lets phases be larger than the stopwatch."""
    torch.set_num_threads(1)
    config = tiny_run("log.every_steps=1000", "objective.weights.stft=1", "schedule.max_steps=100000")
    return compare_updates(config, str(made), Worker(), seconds=1.5)


def test_the_plain_update_has_the_engines_losses(updates):
    losses, of = updates["losses"], updates["losses"]["of"]
    assert losses["agree"]
    names = ("adversarial", "feature_matching", "mel", "stft", "f0", "total")
    told = {*(f"loss/generator/{name}" for name in names), "loss/discriminator/total"}
    assert set(of) == told | {"norm/generator", "norm/discriminator"}
    assert losses["largest_difference"] < 1e-4
    for name in ("norm/generator", "norm/discriminator"):
        assert of[name]["engine"] == pytest.approx(of[name]["plain"], rel=1e-3)


def test_a_text_recipe_is_compared_too(tiny_text_run, tmp_path):
    torch.set_num_threads(1)
    config = tiny_text_run("log.every_steps=1000", "schedule.max_steps=100000", "optim.discriminator.start_step=0")
    made = make_dataset(tmp_path / "dataset", config, clips=3)
    updates = compare_updates(config, str(made), Worker(), seconds=0)
    assert updates["losses"]["agree"]
    assert {"loss/generator/alignment", "loss/generator/duration"} <= {*updates["losses"]["of"]}


def test_phases_add_up_to_the_update(updates):
    assert set(updates["phases_ms"]) == set(PHASES)
    assert sum(updates["phases_ms"].values()) == pytest.approx(updates["step_ms"], rel=0.1)
    assert all(spent >= 0 for spent in updates["phases_ms"].values())
    assert updates["phases_ms"]["generator.backward"] > updates["phases_ms"]["optimiser"]


def test_losses_that_differ_are_told():
    from ganray.training.bench.updates import _compare

    assert not _compare({"loss/a": 1.0}, {"loss/a": 1.1}, 0.05)["agree"]


def test_time_belongs_to_the_innermost_phase_alone():
    now = iter(range(100))
    phases = Phases(clock=lambda: float(next(now)))
    with phases("other"), phases("generate"), phases("sync"):
        pass
    assert phases.take() == {"generate": 2.0, "sync": 1.0, "other": 2.0}
    assert phases.take() == {}
