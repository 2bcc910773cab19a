"""Verbs as Ray jobs, on a head that was started as the README says."""

import json
import urllib.error
import urllib.request

import pytest

from ganray.config.documents import dump_yaml
from ganray.gan.run import Run

pytestmark = pytest.mark.ray
CONFIG = {
    "name": "tested",
    "storage": "runs",
    "packages": {"ray": ">=2.60,<3", "ganray": ""},
    "pools": {"machine": {"cpus": 2, "memory_gb": 4}},
}


def submit(head, *command: str):
    """`ray job submit --working-dir . -- …`, as a user types it."""
    return head.run("ray", "job", "submit", "--address", head.url, "--working-dir", ".", "--", *command)


def test_without_a_token_nobody_gets_in(head):
    for path in ("/api/jobs/", "/api/cluster_status"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{head.url}{path}", timeout=10)
        assert caught.value.code == 401


def test_a_verb_runs_as_a_job_and_its_output_comes_back(head):
    done = submit(head, "ganray", "recipes", "check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no problem" in done.stdout


def test_a_job_that_fails_says_so_and_keeps_the_verbs_exit_code(head):
    done = submit(head, "ganray", "recipes", "check", "no_such_recipe")
    assert done.returncode == 1, "ray job submit gives 1 for every failure"
    assert "no recipe 'no_such_recipe'" in done.stdout
    assert "exit code 2" in done.stdout + done.stderr


def test_a_training_runs_as_a_job(head, dataset, tiny_run, tmp_path):
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(dump_yaml(tiny_run("validation.every_steps=4").model_dump(mode="json")))
    done = submit(head, "ganray", "train", str(recipe), "--data", str(dataset), "--storage", str(tmp_path),
                  "--name", "job", "--set=resources.cpus_per_worker=1", "--json")  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith('{"run"')]
    assert json.loads(line)["ended"] == "finished"
    assert Run.open(tmp_path / "job").steps() == [4]


def test_check_finds_the_cluster_as_described(head, tmp_path):
    (tmp_path / "cluster.yaml").write_text(dump_yaml(CONFIG | {"storage": str(tmp_path / "runs")}))
    done = head.run("ganray", "cluster", "check", str(tmp_path / "cluster.yaml"), "--address", head.address, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    checks = {check["name"]: check["detail"] for check in json.loads(done.stdout)["checks"]}
    assert set(checks) >= {"nodes", "pool machine", "package ray", "package ganray", "storage", "dashboard", "token"}
    assert "401" in checks["token"]


def test_check_says_what_a_client_without_the_token_should_do(head, tmp_path):
    (tmp_path / "cluster.yaml").write_text(dump_yaml(CONFIG))
    head.environment["RAY_AUTH_MODE"] = "disabled"
    try:
        done = head.run("ganray", "cluster", "check", str(tmp_path / "cluster.yaml"), "--address", head.address)
    finally:
        head.environment["RAY_AUTH_MODE"] = "token"
    assert done.returncode == 1
    assert "RAY_AUTH_MODE=token" in done.stderr
