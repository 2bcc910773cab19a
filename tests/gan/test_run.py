"""A run in storage is a run: created, written, resumed and exported by its URI, with no folder that all share."""

import pytest
import torch

from ganray.errors import DataError, UsageError
from ganray.gan import GanState
from ganray.gan.run import Run
from ganray.voice import export

ABOUT = {"path": "/nowhere", "digest": "0"}


@pytest.fixture
def uri(s3, tmp_path):
    return s3.at(f"runs/{tmp_path.name}")


def test_a_run_in_storage_is_read_by_processes_that_share_no_folder(uri, tiny_run, tmp_path):
    run = Run.create(uri, tiny_run("checkpoint.keep_last=1"), ABOUT)
    assert run.where == uri
    other = Run.open(uri)  # as on another machine
    assert other.path != run.path
    assert other.config == run.config
    assert other.steps() == []

    state = GanState(run.config)
    for step, score in ((1, 0.5), (2, 0.4), (3, 0.6)):
        state.step = step
        run.save(state)
        run.enter(step, {"mel": score})
        run.remove_old("lower")
    run.close()

    again = Run.open(uri)
    assert again.steps() == [2, 3]  # the best and the newest
    assert again.best_steps("lower") == [2, 3]
    weights = again.load(3)["generator"]
    assert all(torch.equal(weights[name], value) for name, value in state.generator.state_dict().items())
    assert list((again.path / "checkpoints").iterdir()) == []  # read, and not kept
    again.forget(after=2)
    again.close()
    assert Run.open(uri).steps() == [2]
    with pytest.raises(DataError, match="no checkpoint of step 3; use one of 2"):
        Run.open(uri).load(3)
    voice = export(uri, tmp_path / "voice")
    assert voice.card["origin"] == {
        "run": uri.split("?")[0].rpartition("/")[2], "step": 2, "scores": {"mel": 0.4}, "recipe": run.config.name,
        "dataset": "0",
    }  # fmt: skip


def test_a_name_is_taken_in_storage_too(uri, tiny_run):
    Run.create(uri, tiny_run(), ABOUT)
    with pytest.raises(UsageError, match="--resume s3://"):
        Run.create(uri, tiny_run(), ABOUT)


def test_no_run_and_no_bucket_are_told_apart(s3, uri, tiny_run):
    with pytest.raises(DataError, match="no run at s3://"):
        Run.open(uri.replace("runs/", "runs/not-"))
    with pytest.raises(DataError, match="cannot write s3://nowhere"):
        Run.create(s3.at("run").replace("bucket", "nowhere", 1) + "&region=us-east-1", tiny_run(), ABOUT)


def test_the_copy_of_a_dead_process_is_removed(uri, tiny_run, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run = Run.create(uri, tiny_run(), ABOUT)
    home = run.path.parent
    left = home.parent / "1-left"
    left.mkdir()
    (left / ".lock").touch()  # nobody holds it
    Run.open(uri)
    assert not left.exists()
    assert home.exists()  # its process lives
    del run
    assert not home.exists()
