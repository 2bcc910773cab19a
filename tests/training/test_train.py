"""Real Ray Train runs on the shared cluster, and the command as a user types it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from ganray.errors import AudioContractError, DataError, PlacementError, UsageError
from ganray.gan.run import Run
from ganray.training import resume, train
from tests.conftest import TINY

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def two_workers(dataset, tiny_run, tmp_path_factory):
    """A run of two workers that ended well."""
    config = tiny_run("resources.num_workers=2", "validation.every_steps=2", "log.every_steps=1")
    return train(config, dataset, storage=tmp_path_factory.mktemp("runs"), name="two", quiet=True)


def test_two_workers_train_on_the_cluster(two_workers):
    assert two_workers.step == 4
    assert two_workers.ended == "finished"
    assert two_workers.audio_seconds_per_s > 0
    run = Run.open(two_workers.run)
    assert [row["step"] for row in run.leaderboard()] == [2, 4]
    assert two_workers.best["scores"]["mel"] > 0
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    assert len([line for line in lines if "loss/discriminator/total" in line]) == 4


def test_two_workers_give_the_curve_of_one(two_workers, dataset, tiny_run, tmp_path):
    config = tiny_run("validation.every_steps=2", "log.every_steps=1")
    one = train(config, dataset, storage=tmp_path, name="one", quiet=True)

    def curve(path):
        lines = [json.loads(line) for line in (Run.open(path).path / "metrics.jsonl").read_text().splitlines()]
        return [line["loss/generator/total"] for line in lines if "loss/generator/total" in line]

    assert curve(one.run) == pytest.approx(curve(two_workers.run), rel=5e-3)


def test_a_finished_run_goes_on_when_it_may_do_more(two_workers, tiny_run):
    more = tiny_run("schedule.max_steps=6").schedule
    result = resume(two_workers.run, changes={"schedule": more}, quiet=True)
    assert result.step == 6
    assert Run.open(two_workers.run).config.schedule.max_steps == 6


def test_a_used_name_is_refused_without_resume(two_workers, dataset, tiny_run):
    from pathlib import Path

    with pytest.raises(UsageError, match="--resume"):
        train(tiny_run(), dataset, storage=Path(two_workers.run).parent, name="two", quiet=True)


def test_a_resumed_run_stays_what_it_is(two_workers, tiny_run, dataset, tmp_path):
    with pytest.raises(UsageError, match="can't change data"):
        resume(two_workers.run, changes={"data": tiny_run().data}, quiet=True)
    other = tmp_path / "other"
    other.mkdir()
    for file in dataset.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    card = json.loads((other / "dataset.json").read_text())
    (other / "dataset.json").write_text(json.dumps(card | {"digest": "another"}))
    with pytest.raises(DataError, match="not the dataset"):
        resume(two_workers.run, dataset=other, quiet=True)


def test_a_recipe_of_another_audio_contract_is_refused(dataset, tiny_run, tmp_path):
    with pytest.raises(AudioContractError, match="n_mels"):
        train(tiny_run("audio.n_mels=80"), dataset, storage=tmp_path, quiet=True)
    assert list(tmp_path.iterdir()) == []


def test_workers_that_never_fit_are_refused_at_once(dataset, tiny_run, tmp_path):
    started = time.monotonic()
    with pytest.raises(PlacementError, match="can never run on this cluster"):
        train(tiny_run("resources.cpus_per_worker=1000"), dataset, storage=tmp_path, quiet=True)
    assert time.monotonic() - started < 10


def command(*arguments, **options):
    environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    sets = [word for text in TINY for word in ("--set", text)]
    return subprocess.Popen(
        [sys.executable, "-m", "ganray", "train", *arguments, *sets, "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True, **options,
    )  # fmt: skip


def test_a_killed_command_resumes_to_the_same_weights(dataset, tmp_path):
    """SIGKILL to the driver, in the middle; --resume; against a run that nobody disturbed."""
    recipe = ("source_filter_small", "--data", str(dataset), "--storage", str(tmp_path), "--workers", "1")
    steps = ["--set", "checkpoint.every_steps=3", "--set", "log.every_steps=1", "--set", "validation.every_steps=1000"]

    whole = command(*recipe, "--name", "whole", *steps, "--set", "schedule.max_steps=20")
    out, error = whole.communicate(timeout=300)
    assert whole.returncode == 0, error
    assert json.loads(out)["step"] == 20

    cut = command(*recipe, "--name", "cut", *steps, "--set", "schedule.max_steps=20")
    metrics = tmp_path / "cut" / "metrics.jsonl"
    deadline = time.monotonic() + 200
    while not (metrics.exists() and len(metrics.read_text().splitlines()) >= 7):
        assert time.monotonic() < deadline, "the run never reached step 7"
        time.sleep(0.02)
    os.killpg(cut.pid, signal.SIGKILL)
    cut.wait()
    cut.stdout.close()
    cut.stderr.close()
    reached = Run.open(tmp_path / "cut").steps()[-1]
    assert 3 <= reached < 20
    time.sleep(3)  # what the kill left of its cluster goes too

    on = command("--resume", str(tmp_path / "cut"), "--data", str(dataset))
    out, error = on.communicate(timeout=300)
    assert on.returncode == 0, error
    assert json.loads(out)["step"] == 20
    ours, theirs = Run.open(tmp_path / "cut").load(20), Run.open(tmp_path / "whole").load(20)
    for network in ("generator", "discriminators", "average"):
        for name, value in theirs[network].items():
            assert torch.equal(ours[network][name], value), name
    assert ours["consumed"] == theirs["consumed"]


def test_a_wrong_recipe_exits_with_2_and_all_problems(tmp_path):
    wrong = command("source_filter_small", "--data", str(tmp_path), "--set", "audio.hop_lenght=300", "--workers", "99")
    out, _ = wrong.communicate(timeout=100)
    assert wrong.returncode == 2
    problems = {problem["path"]: problem for problem in json.loads(out)["error"]["problems"]}
    assert problems["audio.hop_lenght"]["mend"] == "did you mean audio.hop_length?"
    assert "resources.num_workers" in problems


def test_no_dataset_exits_with_4(tmp_path):
    wrong = command("source_filter_small", "--data", str(tmp_path))
    out, _ = wrong.communicate(timeout=100)
    assert wrong.returncode == 4
    assert "ganray prepare" in json.loads(out)["error"]["problems"][0]["mend"]
