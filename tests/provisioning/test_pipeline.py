"""A pipeline does each step once, goes on where it was ended, and hands values from step to step."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from ganray.cli import cli
from ganray.config import load
from ganray.config.pipeline import PipelineConfig, pipeline_rules
from ganray.errors import ConfigError, DataError
from ganray.provisioning.pipeline import Failed, run
from ganray.provisioning.stopping import STEP

ROOT = Path(__file__).parents[2]


def pipeline(storage, **steps) -> PipelineConfig:
    steps = {name: {"run": step} if isinstance(step, str) else step for name, step in steps.items()}
    return load(PipelineConfig, {"name": "p", "storage": str(storage), "steps": steps}, rules=pipeline_rules)


def script(folder: Path, name: str, body: str) -> str:
    """A program that keeps count of its calls in NAME.calls; its command."""
    path = folder / f"{name}.py"
    path.write_text(f"import json, sys, time\nopen({str(folder / f'{name}.calls')!r}, 'a').write('x')\n{body}\n")
    return f"{sys.executable} {path}"


def calls(folder: Path, name: str) -> int:
    path = folder / f"{name}.calls"
    return len(path.read_text()) if path.exists() else 0


@pytest.mark.parametrize("file", sorted((ROOT / "cluster" / "pipelines").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_command_of_a_shipped_pipeline_is_one(file):
    """No verb, and no option of one, that is not there: a night would be over before its last step says so."""
    shipped = load(PipelineConfig, file, rules=pipeline_rules)
    for step in shipped.steps.values():
        for command in filter(None, (step.run, step.resume)):
            program, *words = shlex.split(command)
            assert program == "ganray"
            group, context = cli, click.Context(cli)
            while isinstance(group, click.Group):
                name, group, words = group.resolve_command(context, words)
                context = click.Context(group, parent=context, info_name=name)
            group.make_context(name, [*words, "--json"])


def test_values_go_from_step_to_step_and_nothing_is_done_twice(tmp_path):
    first = script(tmp_path, "first", "print(json.dumps({'run': {'name': 'a b; echo'}}))")
    second = script(tmp_path, "second", "print(json.dumps({'got': sys.argv[1:]}))")
    told: list[str] = []
    mine = pipeline(tmp_path, first=first, second=f"{second} x={{first.run.name}} {{name}}")
    done = run(mine, told.append)
    assert done["steps"]["second"]["got"] == ["x=a b; echo", "p", "--json"], "a value is one word, whatever is in it"
    assert (done["did"], done["had"]) == (["first", "second"], [])
    again = run(mine, told.append)
    assert (again["did"], again["had"]) == ([], ["first", "second"])
    assert again["steps"] == done["steps"]
    assert (calls(tmp_path, "first"), calls(tmp_path, "second")) == (1, 1)


def test_a_changed_step_does_the_later_ones_again(tmp_path):
    one = script(tmp_path, "one", "print(json.dumps({'a': 1}))")
    two = script(tmp_path, "two", "print('{}')")
    run(pipeline(tmp_path, one=one, two=two), print)
    done = run(pipeline(tmp_path, one=f"{one} more", two=two), print)
    assert done["did"] == ["one", "two"]
    assert calls(tmp_path, "two") == 2


def test_a_step_that_failed_keeps_its_exit_code_and_is_resumed(tmp_path):
    fails = script(tmp_path, "fails", "print(json.dumps({'error': {'message': 'no disk'}})); sys.exit(5)")
    goes_on = script(tmp_path, "goes_on", "print(json.dumps({'run': 1}))")
    mine = pipeline(tmp_path, train={"run": fails, "resume": goes_on})
    with pytest.raises(Failed, match="ended with 5: no disk") as caught:
        run(mine, print)
    assert caught.value.exit_code == 5
    assert calls(tmp_path, "goes_on") == 0
    assert run(mine, print)["steps"]["train"] == {"run": 1}
    assert (calls(tmp_path, "fails"), calls(tmp_path, "goes_on")) == (1, 1)


def test_where_nothing_was_there_to_resume_the_step_begins(tmp_path):
    flag = tmp_path / "broken"
    flag.touch()
    body = f"import os\nif os.path.exists({str(flag)!r}): sys.exit(1)\nprint('{{}}')"
    begins = script(tmp_path, "begins", body)
    nothing = script(tmp_path, "nothing", "sys.exit(4)")
    mine = pipeline(tmp_path, train={"run": begins, "resume": nothing})
    with pytest.raises(Failed):
        run(mine, print)
    flag.unlink()
    run(mine, print)
    assert (calls(tmp_path, "begins"), calls(tmp_path, "nothing")) == (2, 1)


def test_what_is_not_good_enough_is_not_promoted(tmp_path):
    judged = script(tmp_path, "judged", "print(json.dumps({'scores': {'pesq': {'mean': 2.4}}}))")
    promoted = script(tmp_path, "promoted", "print('{}')")
    key = "evaluate.scores.pesq.mean"
    with pytest.raises(Failed, match=r"is 2\.4, at least 2\.5"):
        run(pipeline(tmp_path, evaluate=judged, promote={"run": promoted, "at_least": {key: 2.5}}), print)
    assert calls(tmp_path, "promoted") == 0
    run(pipeline(tmp_path, evaluate=judged, promote={"run": promoted, "at_least": {key: 2.4}}), print)
    assert (calls(tmp_path, "judged"), calls(tmp_path, "promoted")) == (1, 1)


def test_what_can_not_be_is_told_before_anything_runs(tmp_path):
    with pytest.raises(ConfigError, match="is no step before it"):
        pipeline(tmp_path, one="echo {two.a}", two="echo")
    one = script(tmp_path, "one", "print(json.dumps({'a': 1}))")
    with pytest.raises(DataError, match="there is no b"):
        run(pipeline(tmp_path, one=one, two="echo {one.b}"), print)


def ignored() -> None:
    """As what a shell starts with &."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def blocked() -> None:
    """As what Ray starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


@pytest.mark.parametrize(
    ("number", "deaf"), [(signal.SIGTERM, ignored), (signal.SIGTERM, blocked), (signal.SIGINT, ignored)]
)
def test_who_ends_it_ends_the_step_and_the_same_command_goes_on(tmp_path, number, deaf):
    body = 'try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print(\'{"ended": "stopped"}\')'
    slow, rest = script(tmp_path, "slow", body), script(tmp_path, "rest", "print('{}')")
    file = tmp_path / "mine.yaml"
    steps = {"slow": {"run": slow, "resume": rest}, "after": {"run": rest}}
    file.write_text(json.dumps({"name": "p", "storage": str(tmp_path), "steps": steps}))
    command = [Path(sys.executable).with_name("ganray"), "cluster", "pipeline", file, "--json"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=deaf)
    until = time.monotonic() + 60
    while not calls(tmp_path, "slow"):
        assert time.monotonic() < until
        time.sleep(0.1)
    os.kill(child.pid, number)
    said = child.communicate(timeout=60)[0]
    assert child.returncode == 130, said
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["did"] == ["slow", "after"]
    assert (calls(tmp_path, "slow"), calls(tmp_path, "rest")) == (1, 2)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone")
def test_a_step_does_not_outlive_a_pipeline_that_is_killed(tmp_path):
    ended = tmp_path / "ended"
    body = f"try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    open({str(ended)!r}, 'w')"
    file = tmp_path / "mine.yaml"
    file.write_text(
        json.dumps({"name": "p", "storage": str(tmp_path), "steps": {"slow": {"run": script(tmp_path, "slow", body)}}})
    )
    child = subprocess.Popen(
        [Path(sys.executable).with_name("ganray"), "cluster", "pipeline", file], preexec_fn=ignored
    )
    until = time.monotonic() + 60
    while not calls(tmp_path, "slow"):
        assert time.monotonic() < until
        time.sleep(0.1)
    time.sleep(0.5)  # it is in its try by then
    child.kill()
    child.wait()
    while not ended.exists():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_pipeline_within_another_tells_its_step_once(tmp_path):
    """`ray job stop` tells every process, and the outer pipeline tells the inner one, too."""
    told = tmp_path / "told"
    body = (
        f"import signal\nsignal.signal(signal.SIGINT, lambda *_: open({str(told)!r}, 'a').write('x'))\n"
        f"while not open({str(told)!r}, 'a+').tell():\n    time.sleep(0.1)\ntime.sleep(2)\nprint('{{}}')"
    )
    file = tmp_path / "mine.yaml"
    steps = {"slow": {"run": script(tmp_path, "slow", body)}}
    file.write_text(json.dumps({"name": "p", "storage": str(tmp_path), "steps": steps}))
    command = [Path(sys.executable).with_name("ganray"), "cluster", "pipeline", file]
    inner = subprocess.Popen(command, env=os.environ | {STEP: "1"})
    until = time.monotonic() + 60
    while not told.exists():
        assert time.monotonic() < until
        time.sleep(0.1)
    for number in (signal.SIGTERM, signal.SIGINT):
        inner.send_signal(number)
        time.sleep(0.5)
    assert inner.wait(60) == 130
    assert told.read_text() == "x"
