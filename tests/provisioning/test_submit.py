"""A job is followed to its end, though the line to its cluster breaks."""

import json
from types import SimpleNamespace

import pytest
import requests

from ganray.errors import GanrayError
from ganray.provisioning import submit as module
from ganray.provisioning.submit import submit

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

    def run(*answers, code=1, ray=RAY):
        (tmp_path / "ray").write_text(ray.format(code=code))
        (tmp_path / "ray").chmod(0o755)
        monkeypatch.setattr(module, "_client", lambda address: Server(*answers))
        return submit(["ganray", "train"], address="http://head:8265", working_dir=tmp_path, name="mine", tell=print)

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
