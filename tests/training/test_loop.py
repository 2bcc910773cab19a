"""One worker's loop: what it leaves behind, and that it goes on as if nothing had happened."""

import json

import pytest
import torch

from ganray.errors import DivergedError
from ganray.gan.step import GanStep

pytestmark = pytest.mark.ray  # the dataset is prepared on the cluster

WEIGHTS = ("generator", "discriminators", "average", "generator_optimiser", "discriminator_optimiser", "random")


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


class Killed(BaseException):
    """Stands for a signal that no code catches."""


def test_a_run_leaves_its_folder(alone):
    reports = []
    overrides = ("validation.every_steps=2", "checkpoint.every_steps=2", "log.every_steps=1")
    run, result = alone("run", *overrides, report=reports.append)
    assert result["step"] == 4
    assert result["ended"] == "finished"
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss/generator/mel" in line] == [1, 2, 3, 4]
    assert all(line["perf/audio_seconds_per_s"] > 0 for line in lines if "loss/generator/mel" in line)
    assert [line["step"] for line in lines if "val/mel" in line] == [2, 4]
    assert [row["step"] for row in run.leaderboard()] == [2, 4]
    assert result["best"]["scores"]["mel"] == min(row["scores"]["mel"] for row in run.leaderboard())
    assert [report["step"] for report in reports] == [2, 4]
    assert run.steps() == [2, 4]
    assert len(list((run.path / "samples").glob("step-*.wav"))) == 4
    assert list((run.path / "tensorboard").glob("events.*"))


@pytest.mark.parametrize("kill_at", [1, 2, 3, 5])
def test_killed_and_resumed_equals_never_killed(alone, monkeypatch, kill_at):
    overrides = ("schedule.max_steps=6", "checkpoint.every_steps=2", "validation.every_steps=100")
    whole, _ = alone("whole", *overrides)

    forward, calls = GanStep.forward, []

    def dies(self, state, batch):
        calls.append(1)
        if len(calls) == kill_at + 1:
            raise Killed
        return forward(self, state, batch)

    monkeypatch.setattr(GanStep, "forward", dies)
    with pytest.raises(Killed):
        alone("cut", *overrides)
    monkeypatch.undo()
    cut, result = alone("cut")
    assert result["step"] == 6
    ours, theirs = cut.load(6), whole.load(6)
    assert [name for name in WEIGHTS if not same(ours[name], theirs[name])] == []
    assert ours["consumed"] == theirs["consumed"] == 24
    steps = [json.loads(line)["step"] for line in (cut.path / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)


def test_a_loss_that_is_no_number_ends_the_run(alone, monkeypatch):
    forward = GanStep.forward

    def explodes(self, state, batch):
        return forward(self, state, batch) | {"loss/generator/mel": torch.tensor(float("nan"))}

    monkeypatch.setattr(GanStep, "forward", explodes)
    with pytest.raises(DivergedError, match="loss/generator/mel is no number"):
        alone("run", "log.every_steps=2")


def test_a_generator_of_noise_trains_without_anything_to_be_compared_with(alone, tmp_path, dataset):
    from ganray.gan.run import Run
    from ganray.models import load_run

    config = load_run(
        "article",
        ["schedule.max_steps=3", "data.batch_size=4", "generator.channels=16", "resources.num_workers=1"],
    )
    Run.create(tmp_path / "noise", config, {"path": str(dataset), "digest": "0"})
    run, result = alone("noise")
    assert result["step"] == 3
    assert result["best"] is None
    assert (run.path / "samples" / "step-0000003-noise.wav").is_file()
