"""Clips that do not say their text are listed in the run's folder."""

import json

import pytest

from ganray.data import Dataset
from ganray.gan.run import Run
from ganray.models import build_generator
from ganray.training.loop import Job, Surroundings, train_loop
from ganray.training.misaligned import misaligned
from ganray.training.worker import Worker

pytestmark = pytest.mark.ray  # the dataset is prepared on the cluster


def test_only_clips_below_the_least_certainty_are_listed(dataset, tiny_text_run):
    split = Dataset.open(dataset).split("train")
    config = tiny_text_run("generator.least_certainty=0.99")
    every = misaligned(build_generator(config.generator, config.audio), split, config)
    assert set(every) == set(split.ids)
    middle = sorted(every.values())[len(every) // 2]
    config = tiny_text_run(f"generator.least_certainty={middle}")
    some = misaligned(build_generator(config.generator, config.audio), split, config)
    assert 0 < len(some) < len(every)
    assert all(certainty < middle for certainty in some.values())


def test_a_run_lists_what_it_does_not_believe_and_tells_it_once(dataset, tiny_text_run, tmp_path):
    config = tiny_text_run("generator.least_certainty=0.99", "validation.every_steps=2", "validation.clips=1")
    Run.create(tmp_path / "run", config, {"path": str(dataset), "digest": "0"})
    train_loop(Job(str(tmp_path / "run"), str(dataset)), Worker(), Surroundings())
    listed = json.loads((tmp_path / "run" / "misaligned.json").read_text())
    ids = Dataset.open(dataset).split("train").ids
    assert set(listed) == set(ids)
    assert list(listed.values()) == sorted(listed.values())
    [event] = [json.loads(line)["event"] for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    assert event == f"{len(ids)} clips do not say their text and are not learned: misaligned.json"
