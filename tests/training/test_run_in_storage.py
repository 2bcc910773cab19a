"""A whole training in storage: sent while it runs, gone on with elsewhere, and undisturbed by storage that fails."""

import json
import threading

import pytest

from ganray.gan.mirror import Mirror
from ganray.gan.run import Run
from ganray.training.loop import Job, Surroundings, train_loop
from ganray.training.worker import Worker

pytestmark = pytest.mark.ray  # the dataset is prepared on the cluster

OFTEN = ("validation.every_steps=2", "checkpoint.every_steps=1", "log.every_steps=1")


def test_a_training_outlives_its_storage_and_goes_on_elsewhere(s3, dataset, tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr("ganray.gan.mirror.FIRST_PAUSE_S", 0.1)
    uri = s3.at(f"runs/{tmp_path.name}")
    Run.create(uri, tiny_run("schedule.max_steps=4", *OFTEN), {"path": str(dataset), "digest": "0"})
    down, failed, fail = [], threading.Event(), Mirror._fail
    monkeypatch.setattr(Mirror, "_fail", lambda self, error: (fail(self, error), failed.set()))

    def report(scores):
        if not down:  # after the first validation, with more checkpoints to come
            down.append(s3.stop())
            threading.Thread(target=lambda: (failed.wait(60), s3.start())).start()

    result = train_loop(Job(uri, str(dataset)), Worker(), Surroundings(report))
    assert down
    assert result["step"] == 4
    there = Run.open(uri)  # as on another machine
    assert there.steps()[-1] == 4
    assert [row["step"] for row in there.leaderboard()] == [2, 4]
    steps = [json.loads(line)["step"] for line in (there.path / "metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 2, 3, 4, 4]
    events = (there.path / "events.jsonl").read_text()
    assert "fails, the run goes on" in events

    there.config = there.config.model_copy(update={"schedule": tiny_run("schedule.max_steps=5").schedule})
    there.write_config()
    again = train_loop(Job(uri, str(dataset)), Worker(), Surroundings())
    assert again["step"] == 5
    assert Run.open(uri).steps()[-1] == 5
