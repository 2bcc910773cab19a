"""Real Ray Train runs on the shared cluster, and the command as a user types it."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from ray.util.state import list_actors

from ganray.errors import AudioContractError, DataError, HeldError, PlacementError, UsageError
from ganray.gan.lease import LEASE, Lease
from ganray.gan.run import Run
from ganray.training import resume, train
from ganray.voice import export
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


@pytest.mark.slow
def test_two_workers_give_the_curve_of_one(two_workers, dataset, tiny_run, tmp_path):
    config = tiny_run("validation.every_steps=2", "log.every_steps=1")
    one = train(config, dataset, storage=tmp_path, name="one", quiet=True)

    def curve(path):
        lines = [json.loads(line) for line in (Run.open(path).path / "metrics.jsonl").read_text().splitlines()]
        return [line["loss/generator/total"] for line in lines if "loss/generator/total" in line]

    assert curve(one.run) == pytest.approx(curve(two_workers.run), rel=5e-3)


@pytest.mark.slow
def test_a_finished_run_goes_on_when_it_may_do_more(two_workers, tiny_run):
    more = tiny_run("schedule.max_steps=6").schedule
    result = resume(two_workers.run, changes={"schedule": more}, quiet=True)
    assert result.step == 6
    assert Run.open(two_workers.run).config.schedule.max_steps == 6


def test_two_workers_train_in_storage_and_go_on_from_there(dataset, tiny_run, s3, tmp_path):
    """Nothing but a bucket is shared: run, resume and export by its URI."""
    storage = s3.at(f"runs/{tmp_path.name}")
    config = tiny_run("resources.num_workers=2", "validation.every_steps=2", "checkpoint.every_steps=2")
    result = train(config, dataset, storage=storage, name="away", quiet=True)
    assert result.run == s3.at(f"runs/{tmp_path.name}/away")
    run = Run.open(result.run)
    assert run.steps() == [2, 4]
    assert [row["step"] for row in run.leaderboard()] == [2, 4]
    again = resume(result.run, changes={"schedule": tiny_run("schedule.max_steps=6").schedule}, quiet=True)
    assert (again.step, again.ended) == (6, "finished")
    voice = export(result.run, tmp_path / "voice")
    assert voice.card["origin"]["step"] in (2, 4, 6)


def test_a_used_name_is_refused_without_resume(two_workers, dataset, tiny_run):
    from pathlib import Path

    with pytest.raises(UsageError, match="--resume"):
        train(tiny_run(), dataset, storage=Path(two_workers.run).parent, name="two", quiet=True)


def test_a_run_that_another_training_writes_is_refused(two_workers, dataset, tiny_run):
    from pathlib import Path

    with Lease(two_workers.run, "raysubmit_1").held():
        with pytest.raises(HeldError, match="job raysubmit_1"):
            resume(two_workers.run, quiet=True)
        with pytest.raises(HeldError, match="job raysubmit_1"):
            train(tiny_run(), dataset, storage=Path(two_workers.run).parent, name="two", quiet=True)
    assert not (Path(two_workers.run) / LEASE).exists()


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


LONG = ("schedule.max_steps=24", "checkpoint.every_steps=3", "log.every_steps=1", "validation.every_steps=1000")


@pytest.fixture(scope="module")
def undisturbed(dataset, tiny_run, tmp_path_factory):
    """undisturbed(workers) -> the last checkpoint of a run that nobody killed."""
    folder, made = tmp_path_factory.mktemp("whole"), {}

    def checkpoint(workers):
        if workers not in made:
            config = tiny_run(*LONG, f"resources.num_workers={workers}")
            made[workers] = train(config, dataset, storage=folder, name=f"whole{workers}", quiet=True)
        return Run.open(made[workers].run).load(24)

    return checkpoint


def same_weights(run, wanted):
    ours = Run.open(run).load(24)
    for network in ("generator", "discriminators", "average"):
        for name, value in wanted[network].items():
            assert torch.equal(ours[network][name], value), name
    assert ours["consumed"] == wanted["consumed"]


def wait_for(metrics, lines, process=None):
    deadline = time.monotonic() + 200
    while not (metrics.exists() and len(metrics.read_text().splitlines()) >= lines):
        assert time.monotonic() < deadline, f"the run never reached step {lines}"
        assert process is None or process.poll() is None, process.stderr.read()
        time.sleep(0.02)


@pytest.mark.slow
def test_a_killed_command_resumes_to_the_same_weights(undisturbed, dataset, tmp_path):
    """SIGKILL to the driver and all it started, in the middle; then resumed, against a run that nobody disturbed."""
    sets = [word for text in LONG for word in ("--set", text)]
    recipe = ("source_filter_small", "--data", str(dataset), "--storage", str(tmp_path), "--workers", "1")
    cut = command(*recipe, "--name", "cut", *sets)
    wait_for(tmp_path / "cut" / "metrics.jsonl", 7, cut)
    os.killpg(cut.pid, signal.SIGKILL)
    cut.wait()
    cut.stdout.close()
    cut.stderr.close()
    assert 3 <= Run.open(tmp_path / "cut").steps()[-1] < 24
    assert resume(tmp_path / "cut", quiet=True).step == 24
    same_weights(tmp_path / "cut", undisturbed(1))


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_nothing_is_lost(undisturbed, dataset, tiny_run, tmp_path):
    """SIGKILL to one of two workers: the run goes on by itself, from its newest checkpoint, to the same weights."""
    wanted = undisturbed(2)
    config = tiny_run(*LONG, "resources.num_workers=2")
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(train, config, dataset, storage=tmp_path, name="cut", quiet=True)
        wait_for(tmp_path / "cut" / "metrics.jsonl", 7)
        workers = list_actors(filters=[("class_name", "=", "RayTrainWorker"), ("state", "=", "ALIVE")])
        os.kill(workers[-1].pid, signal.SIGKILL)
        assert going.result(timeout=200).step == 24
    same_weights(tmp_path / "cut", wanted)
    [event] = [json.loads(line) for line in (tmp_path / "cut" / "events.jsonl").read_text().splitlines()]
    assert "went on from step" in event["event"]


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
