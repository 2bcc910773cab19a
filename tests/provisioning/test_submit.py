"""A job is followed to its end, though the line to its cluster breaks."""

import json
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from ganray.errors import ConfigError, GanrayError
from ganray.provisioning import submit as module
from ganray.provisioning.submit import submit

ROOT = Path(__file__).parents[2]
RAY = """#!/bin/sh
echo "Job submission server address: http://head:8265"
echo "Tailing logs until the job exits (disable with --no-wait):"
echo one
printf "two, "
exit {code}
"""


class Server:
    """What a job server answers, one answer after the other."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def get_job_info(self, job):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        ends = SimpleNamespace(value=answer, is_terminal=lambda: answer != "RUNNING")
        return SimpleNamespace(status=ends, driver_exit_code={"SUCCEEDED": 0, "FAILED": 3}.get(answer))

    async def tail_job_logs(self, job):
        for text in ("one\ntwo", ", three\n", "four\n"):
            yield text


@pytest.fixture
def follow(tmp_path, monkeypatch):
    """Submit to a server that gives these answers, by a `ray` that ends with this code."""
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def run(*answers, code=1, ray=RAY, **more):
        (tmp_path / "ray").write_text(ray.format(code=code))
        (tmp_path / "ray").chmod(0o755)
        monkeypatch.setattr(module, "_client", lambda address: Server(*answers))
        more = {"working_dir": tmp_path, "name": "mine", "tell": print} | more
        return submit(["ganray", "train"], address="http://head:8265", **more)

    return run


def test_every_line_is_told_once_though_the_line_was_lost(follow, capfd):
    lost = requests.exceptions.ConnectionError("no route")
    job = follow(lost, "RUNNING", lost, "SUCCEEDED")
    assert (job.status, job.exit_code) == ("SUCCEEDED", 0)
    told = "".join(
        line for line in capfd.readouterr().out.splitlines(keepends=True) if not line.startswith(("$", "Job", "Tail"))
    )
    told = told.replace("the line to http://head:8265 was lost: mine goes on, and is followed again\n", "")
    assert told == "one\ntwo, three\nfour\n"


def test_a_runtime_environment_goes_along_and_may_say_the_folder(follow, tmp_path):
    environment = tmp_path / "env.yaml"
    environment.write_text("env_vars: {A: b}\n")
    command = follow("SUCCEEDED", runtime_env=environment).command
    assert command[6:] == [
        "mine",
        "--runtime-env",
        str(environment),
        "--working-dir",
        str(tmp_path),
        "--",
        "ganray",
        "train",
    ]
    environment.write_text("working_dir: elsewhere\n")
    command = follow("SUCCEEDED", runtime_env=environment, working_dir=None).command
    assert "--working-dir" not in command
    with pytest.raises(ConfigError, match="cannot read"):
        follow("SUCCEEDED", runtime_env=tmp_path / "none.yaml")


def test_rayignore_keeps_recordings_datasets_runs_and_voices_at_home(tmp_path):
    """Ray's own packaging, of a checkout with this repository's .rayignore."""
    from ray._private.runtime_env.packaging import create_package

    (tmp_path / "there").mkdir()
    (tmp_path / "there" / ".rayignore").write_text((ROOT / ".rayignore").read_text())
    stays = [
        "data/speech/train-0.parquet",
        "runs/a/checkpoints/step-1.pt",
        "sweeps/a/00/run.yaml",
        "voices/a/voice.yaml",
        "recordings/a.wav",
        "ganray/voices/b.flac",
        "notes/last.pt",
        ".venv/bin/python",
        ".git/HEAD",
        "demo/page.html",
        "work/x",
    ]
    goes = [
        "ganray/cli/train.py",
        "ganray/recipes/article.yaml",
        "ganray/data/split.py",
        "tune_configs/smoke.yaml",
        "serve/local.yaml",
        "cluster/pipelines/speech.yaml",
        "mine.yaml",
    ]
    for name in (*stays, *goes):
        path = tmp_path / "there" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    create_package(str(tmp_path / "there"), tmp_path / "package.zip", True)
    with zipfile.ZipFile(tmp_path / "package.zip") as package:
        sent = {name for name in package.namelist() if not name.endswith("/")}
    assert {name for name in stays if any(one.endswith(name) for one in sent)} == set()
    assert {name for name in goes if not any(one.endswith(name) for one in sent)} == set()


def test_a_job_that_failed_meanwhile_gives_its_exit_code(follow):
    job = follow("FAILED")
    assert (job.status, job.exit_code) == ("FAILED", 3)


def test_a_server_that_stays_away_is_given_up(follow, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_S", -1)
    with pytest.raises(GanrayError, match="mine may go on") as caught:
        follow(requests.exceptions.ConnectionError("no route"))
    assert "ray job logs" in json.dumps(caught.value.mend)


def test_what_ray_did_not_take_is_not_taken_for_anothers_job_of_that_name(follow):
    with pytest.raises(GanrayError, match="took no job"):
        follow("RUNNING", ray="#!/bin/sh\necho refused >&2; exit 1")
