"""One worker's loop: what it leaves behind, and that it goes on as if nothing had happened."""

import json

import numpy as np
import pytest
import torch

from ganray.data import Dataset, Split
from ganray.data.sampler import SegmentSampler
from ganray.errors import DivergedError, HeldError
from ganray.gan.fence import Fence
from ganray.gan.run import Run
from ganray.gan.step import GanStep
from ganray.preparing.bucket import send
from ganray.training import loop, validation
from ganray.training.device import settle
from ganray.training.loop import Job, Surroundings, train_loop
from ganray.training.worker import Worker
from tests.bits import same

pytestmark = pytest.mark.ray  # the dataset is prepared on the cluster

WEIGHTS = ("generator", "discriminators", "average", "generator_optimiser", "discriminator_optimiser", "random")


class Killed(BaseException):
    """Stands for a signal that no code catches."""


def test_a_run_leaves_its_folder(alone):
    reports = []
    overrides = ("validation.every_steps=2", "checkpoint.every_steps=2", "log.every_steps=1")
    run, result = alone("run", *overrides, around=Surroundings(report=reports.append))
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


def test_a_loop_whose_run_was_taken_over_ends_and_writes_no_more(alone, tmp_path):
    every = ("validation.every_steps=2", "checkpoint.every_steps=1", "schedule.max_steps=20")
    with pytest.raises(HeldError, match="has taken over"):
        alone("run", *every, around=Surroundings(report=lambda scores: Fence(str(tmp_path / "run"))))
    left = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert left
    assert all(name.startswith("step-") for name in left), "no half of a checkpoint"
    assert Run.open(tmp_path / "run").steps()[-1] < 20


def test_a_dataset_in_a_bucket_gives_the_run_of_one_in_a_folder(alone, dataset, s3, tmp_path, monkeypatch):
    monkeypatch.setenv("GANRAY_CACHE", str(tmp_path / "cache"))
    uri = s3.at(f"{tmp_path.name}/speech")
    send(dataset, uri)
    here, _ = alone("here")
    there, _ = alone("there", data=uri)
    one, other = here.load(4), there.load(4)
    assert all(same(one[part], other[part]) for part in WEIGHTS)


def test_a_cache_without_room_is_told_and_the_run_finishes(alone, dataset, s3, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GANRAY_CACHE", str(tmp_path / "file"))
    uri = s3.at(f"{tmp_path.name}/speech")
    send(dataset, uri)
    run, result = alone("run", data=uri)
    assert result["ended"] == "finished"
    [event] = [json.loads(line)["event"] for line in (run.path / "events.jsonl").read_text().splitlines()]
    assert "cannot write the cache" in event
    assert "GANRAY_CACHE" in event


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


def poison(monkeypatch, when, spoil):
    """Before update number `when` (counted over rollbacks), spoil(state, batch) -> batch is called."""
    forward, calls = GanStep.forward, []

    def poisoned(self, state, batch):
        calls.append(state.step)
        return forward(self, state, spoil(state, batch) if len(calls) in when else batch)

    monkeypatch.setattr(GanStep, "forward", poisoned)
    return calls


def nan_weight(state, batch):
    with torch.no_grad():
        next(state.generator.parameters()).view(-1)[0] = float("nan")
    return batch


def nan_judge(state, batch):
    with torch.no_grad():
        next(state.discriminators.parameters()).view(-1)[0] = float("inf")
    return batch


def nan_data(state, batch):
    batch.padded[0, 4000] = float("nan")
    return batch


HEALS = ("schedule.max_steps=8", "checkpoint.every_steps=2", "validation.every_steps=100", "log.every_steps=1")


@pytest.mark.parametrize("spoil", [nan_weight, nan_judge, nan_data])
def test_poison_is_noticed_told_and_healed(alone, monkeypatch, spoil):
    calls = poison(monkeypatch, {6}, spoil)
    run, result = alone("run", *HEALS)
    assert result["step"] == 8
    assert calls == [0, 1, 2, 3, 4, 5, 4, 5, 6, 7]
    [event] = [json.loads(line) for line in (run.path / "events.jsonl").read_text().splitlines()]
    assert event["step"] == 4
    assert "no number" in event["event"]
    assert "back to step 4 with learning rates × 0.5" in event["event"]
    last = run.load(8)
    assert last["rollbacks"] == 1
    assert all(torch.isfinite(value).all() for value in last["generator"].values())
    steps = [json.loads(line)["step"] for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    assert [step for step in steps if step < 9].count(5) == 1


def test_a_clip_that_is_spoilt_is_told_and_the_run_finishes(alone, monkeypatch):
    f0, bad = Split.f0, 3
    monkeypatch.setattr(Split, "f0", lambda self, index: f0(self, index) * (np.nan if index == bad else 1))
    run, result = alone("run", "schedule.max_steps=10", "log.ledger=true")
    assert result["step"] == 10
    [event] = [json.loads(line)["event"] for line in (run.path / "events.jsonl").read_text().splitlines()]
    assert event.startswith(f"clip {Dataset.open(run.dataset['path']).split('train').ids[bad]} can't be read")
    assert all(torch.isfinite(value).all() for value in run.load(10)["generator"].values())


def test_a_validation_that_fails_is_told_and_the_run_finishes(alone, monkeypatch):
    told = validation.validate

    def fails(run, dataset, step, *rest):
        if step == 2:
            raise RuntimeError("the judge is ill")
        return told(run, dataset, step, *rest)

    monkeypatch.setattr(validation, "validate", fails)
    run, result = alone("run", "validation.every_steps=2")
    assert result["ended"] == "finished"
    assert [row["step"] for row in run.leaderboard()] == [4]
    [event] = [json.loads(line)["event"] for line in (run.path / "events.jsonl").read_text().splitlines()]
    assert event == "the validation of step 2 failed, training goes on: the judge is ill"


def test_a_rehearsal_does_the_heaviest_update_and_leaves_no_trace(alone, monkeypatch):
    late = ("optim.discriminator.start_step=3", "optim.discriminator.every_steps=2", "validation.every_steps=100")
    plain, _ = alone("plain", *late)
    forward, judged = GanStep.forward, []

    def seen(self, state, batch):
        judged.append((state.step, state.turn_of("generator") and state.turn_of("discriminator")))
        return forward(self, state, batch)

    monkeypatch.setattr(GanStep, "forward", seen)
    monkeypatch.setattr(loop, "REHEARSED", ("cpu",))
    rehearsed, _ = alone("rehearsed", *late)
    assert judged[0] == (4, True)
    assert [step for step, _ in judged[1:]] == [0, 1, 2, 3]
    ours, theirs = rehearsed.load(4), plain.load(4)
    assert [name for name in WEIGHTS if not same(ours[name], theirs[name])] == []


def test_what_rollbacks_do_not_mend_ends_with_a_diagnosis(alone, monkeypatch):
    poison(monkeypatch, set(range(6, 100)), nan_data)
    with pytest.raises(DivergedError, match="2 rollbacks did not mend it") as caught:
        alone("run", *HEALS, "healing.max_rollbacks=2")
    assert caught.value.exit_code == 5


def test_a_healed_run_that_is_killed_goes_on_as_if_it_had_not_been(alone, monkeypatch):
    poison(monkeypatch, {6}, nan_weight)
    whole, _ = alone("whole", *HEALS)
    monkeypatch.undo()
    forward, calls = GanStep.forward, []

    def dies(self, state, batch):
        calls.append(1)
        if len(calls) == 9:
            raise Killed
        return forward(self, state, nan_weight(state, batch) if len(calls) == 6 else batch)

    monkeypatch.setattr(GanStep, "forward", dies)
    with pytest.raises(Killed):
        alone("cut", *HEALS)
    monkeypatch.undo()
    cut, _ = alone("cut")
    assert [name for name in WEIGHTS if not same(cut.load(8)[name], whole.load(8)[name])] == []


def test_every_segment_of_an_epoch_is_learned_from_once(alone, monkeypatch):
    """The ledger of a run that was killed twice and healed once: no segment skipped, none seen twice."""
    overrides = (*HEALS, "log.ledger=true", "schedule.max_steps=40")
    for kill_at in (4, 9):
        monkeypatch.undo()
        forward, calls = GanStep.forward, []

        def dies(self, state, batch, kill_at=kill_at, calls=calls, forward=forward):
            calls.append(1)
            if len(calls) > kill_at:
                raise Killed
            return forward(self, state, nan_data(state, batch) if len(calls) == 3 else batch)

        monkeypatch.setattr(GanStep, "forward", dies)
        with pytest.raises(Killed):
            alone("run", *overrides)
    monkeypatch.undo()
    run, _ = alone("run")
    lines = [json.loads(line) for line in (run.path / "ledger.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 41))
    keys = [key for line in lines for key in line["keys"]]
    config, split = run.config, Dataset.open(run.dataset["path"]).split("train")
    sampler = SegmentSampler(split.num_samples, config.data.segment_length, config.audio.hop_length, config.seed)
    assert keys == [sampler.draw(place).key for place in range(160)]
    epoch = keys[: len(sampler)]
    assert len(set(epoch)) == len(epoch)


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


def test_a_text_generator_learns_the_text_and_then_to_be_judged_and_resumes_exactly(
    dataset, tiny_text_run, tmp_path, monkeypatch
):
    overrides = ("schedule.max_steps=4", "optim.discriminator.start_step=2", "checkpoint.every_steps=1",
                 "validation.every_steps=4", "validation.clips=1", "log.every_steps=1", "data.accumulate=2",
                 "checkpoint.measure=distillmos", "validation.measures=[distillmos]")  # fmt: skip
    config = tiny_text_run(*overrides)

    def train(name):
        if not (tmp_path / name).exists():
            Run.create(tmp_path / name, config, {"path": str(dataset), "digest": "0"})
        train_loop(Job(str(tmp_path / name), str(dataset)), Worker(), Surroundings())
        return Run.open(tmp_path / name)

    whole = train("whole")
    lines = [json.loads(line) for line in (whole.path / "metrics.jsonl").read_text().splitlines()]
    steps = {line["step"]: line for line in lines if "loss/generator/acoustic" in line}
    assert set(steps) == {1, 2, 3, 4}
    assert "loss/generator/mel" not in steps[2]
    assert {"loss/generator/mel", "loss/generator/adversarial", "loss/discriminator/total"} <= set(steps[3])
    assert whole.leaderboard()[0]["scores"]["distillmos"] >= 1

    forward, calls = GanStep.forward, []

    def dies(self, state, batch):
        calls.append(1)
        if len(calls) == 4:
            raise Killed
        return forward(self, state, batch)

    monkeypatch.setattr(GanStep, "forward", dies)
    with pytest.raises(Killed):
        train("cut")
    monkeypatch.undo()
    cut = train("cut")
    for name in WEIGHTS:
        assert same(cut.load(4)[name], whole.load(4)[name]), name


@pytest.mark.slow
def test_compiled_networks_learn_the_same(alone):
    overrides = ("schedule.max_steps=2", "validation.every_steps=100")
    plain, _ = alone("plain", *overrides)
    compiled, _ = alone("compiled", *overrides, "compile=true")
    ours, theirs = compiled.load(2), plain.load(2)
    assert set(ours["generator"]) == set(theirs["generator"])
    for name, value in theirs["generator"].items():
        torch.testing.assert_close(ours["generator"][name], value, atol=1e-4, rtol=1e-2, msg=name)


def test_a_gpu_is_told_to_round_only_where_nobody_asked_for_exactness(tiny_run):
    before = torch.backends.cuda.matmul.allow_tf32
    try:
        for overrides, rounded in (((), True), (("precision=fp32",), False)):
            config = tiny_run("precision=auto", *overrides)
            settle(torch.device("cuda"), config)
            assert torch.backends.cuda.matmul.allow_tf32 is rounded
            assert torch.backends.cudnn.allow_tf32 is rounded
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
