"""Verbs as Ray jobs, on a head that was started as the README says."""

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from ganray.config.documents import dump_yaml
from ganray.gan.run import Run
from ganray.provisioning.connect import free_port
from tests.provisioning.test_pipeline import calls, script

pytestmark = pytest.mark.ray
ROOT = Path(__file__).parents[2]
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


def test_submit_prints_rays_command_and_keeps_the_verbs_exit_code(head):
    done = head.run("ganray", "cluster", "submit", "--address", head.url, "--name", "wrong", "--json", "--",
                    "ganray", "recipes", "check", "no_such_recipe")  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert (told["id"], told["status"], told["exit_code"]) == ("wrong", "FAILED", 2)
    assert f"$ ray job submit --address {head.url} --submission-id wrong" in done.stderr
    assert "no recipe 'no_such_recipe'" in done.stderr
    again = head.run(*told["command"])
    assert again.returncode == 1, "the printed command is a whole one: Ray refuses the name a second time"
    assert "wrong" in again.stdout + again.stderr


def test_a_runtime_environment_goes_with_a_job(head, tmp_path):
    (tmp_path / "env.yaml").write_text("env_vars: {GANRAY_TOLD: by-the-file}\n")
    told = "import os; print('told', os.environ['GANRAY_TOLD'], os.listdir('ganray/recipes'))"
    submit_ours = ["ganray", "cluster", "submit", "--address", head.url, "--runtime-env", str(tmp_path / "env.yaml")]
    done = head.run(*submit_ours, "--", "python", "-c", told)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "told by-the-file" in done.stdout
    assert "article.yaml" in done.stdout, "the folder goes along too"


@pytest.mark.slow
def test_a_job_that_was_submitted_twice_trains_once(head, dataset, tiny_run, tmp_path):
    recipe, run = tmp_path / "tiny.yaml", tmp_path / "twice"
    long = tiny_run("validation.every_steps=100000", "schedule.max_steps=100000", "checkpoint.every_steps=100000")
    recipe.write_text(dump_yaml(long.model_dump(mode="json")))
    submit_ours = ["ganray", "cluster", "submit", "--address", head.url, "--name"]
    train = ["ganray", "train", str(recipe), "--data", str(dataset), "--storage", str(tmp_path), "--name", "twice"]
    head.run(*submit_ours, "first", "--no-wait", "--", *train, "--set=resources.cpus_per_worker=1")
    until = time.monotonic() + 300
    while not (run / "metrics.jsonl").is_file():
        assert time.monotonic() < until
        time.sleep(0.2)
    for again in (train, ["ganray", "train", "--resume", str(run)]):
        done = head.run(*submit_ours, f"second-{len(again)}", "--", *again)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "another training writes the run" in done.stdout
        assert "ray job stop first" in done.stdout
    assert head.run("ray", "job", "stop", "--address", head.url, "first").returncode == 0
    done = submit(
        head, "ganray", "train", "--resume", str(run), f"--set=schedule.max_steps={Run.open(run).steps()[-1] + 2}"
    )
    assert done.returncode == 0, done.stdout + done.stderr


STOPPED_ONCE = """
from ganray.provisioning.connect import connect
connect()
open({ready!r}, "w")
try:
    time.sleep(600)
except KeyboardInterrupt:
    time.sleep(5)  # as a checkpoint takes; the second one would end it
    print(json.dumps({{"stopped": "once"}}))
    open({ended!r}, "w")
"""


def test_a_pipeline_is_a_job_whose_step_is_told_to_stop_once_and_goes_on(head, tmp_path):
    """`ray job stop` tells every process of a job, and a pipeline tells its step."""
    ready, ended = tmp_path / "ready", tmp_path / "ended"
    first = script(tmp_path, "first", "print(json.dumps({'n': 3}))")
    slow = script(tmp_path, "slow", STOPPED_ONCE.format(ready=str(ready), ended=str(ended)))
    rest = script(tmp_path, "rest", "print(json.dumps({'got': sys.argv[1]}))")
    steps = {"first": {"run": first}, "second": {"run": slow, "resume": f"{rest} {{first.n}}"}}
    file = tmp_path / "mine.yaml"
    file.write_text(json.dumps({"name": "p", "storage": str(tmp_path), "steps": steps}))
    (tmp_path / "empty").mkdir()
    ours = ["ganray", "cluster", "submit", "--address", head.url, "--working-dir", str(tmp_path / "empty"), "--name"]
    verb = ["--", "ganray", "cluster", "pipeline", str(file), "--json"]
    client = subprocess.Popen([*ours, "begins", *verb], env=head.environment, cwd=ROOT)
    until = time.monotonic() + 300
    while not ready.exists():
        assert client.poll() is None
        assert time.monotonic() < until
        time.sleep(0.2)
    assert head.run("ray", "job", "stop", "--address", head.url, "begins").returncode == 0
    assert client.wait(200) == 130
    assert ended.exists()
    done = head.run(*ours, "goes-on", *verb)
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("{")]
    told = json.loads(line)
    assert (told["had"], told["did"]) == (["first"], ["second"])
    assert told["steps"]["second"] == {"got": "3"}
    assert calls(tmp_path, "first") == 1


def test_submit_without_a_job_server_says_so(head):
    done = head.run("ganray", "cluster", "submit", "--address", f"http://127.0.0.1:{free_port()}", "--", "true")
    assert done.returncode == 1
    assert "no job server answers" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_ctrl_c_stops_a_job_with_a_checkpoint_and_it_can_be_resumed(head, dataset, tiny_run, tmp_path):
    recipe = tmp_path / "tiny.yaml"
    long = tiny_run("validation.every_steps=100000", "schedule.max_steps=100000", "checkpoint.every_steps=100000")
    recipe.write_text(dump_yaml(long.model_dump(mode="json")))
    train = ["ganray", "train", str(recipe), "--data", str(dataset), "--storage", str(tmp_path), "--name", "stopped"]
    command = ["ganray", "cluster", "submit", "--address", head.url, "--", *train, "--set=resources.cpus_per_worker=1"]
    client = subprocess.Popen(command, env=head.environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    until, metrics = time.monotonic() + 300, tmp_path / "stopped" / "metrics.jsonl"
    while time.monotonic() < until and not metrics.is_file():
        assert client.poll() is None
        time.sleep(0.2)
    client.send_signal(signal.SIGINT)
    told, _ = client.communicate(timeout=200)
    assert client.returncode == 130
    assert "stopped" in told
    run = Run.open(tmp_path / "stopped")
    (step,) = run.steps()
    assert 0 < step < 100_000
    done = submit(
        head, "ganray", "train", "--resume", str(tmp_path / "stopped"), f"--set=schedule.max_steps={step + 2}"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert run.steps()[-1] == step + 2


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
    wanted = {"nodes", "pool machine", "package ray", "package ganray", "storage", "dashboard", "token", "agents"}
    assert set(checks) >= wanted
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
