"""Sweeps on a real Ray cluster: nothing waits for ever, nothing is left behind, and what comes out is a recipe."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import ray

from ganray.blind.analysis import read_json
from ganray.cli import main
from ganray.errors import DataError, DivergedError, PlacementError, UsageError
from ganray.models import load_run
from ganray.training import TrainResult
from ganray.tuning import reaper, resume, tune

pytestmark = pytest.mark.ray
# Workers can't import this file: what they run of it travels with the call.
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
SMOKE = Path(__file__).parents[2] / "tune_configs" / "smoke.yaml"
SMALL = {
    "generator.channels": "32",
    "generator.inner": "64",
    "generator.blocks": "2",
    "generator.f0_channels": "16",
    "generator.f0_blocks": "1",
    "discriminators.0.channels": "[4, 8]",
    "discriminators.0.periods": "[2, 3]",
    "discriminators.1.channels": "2",
    "data.segment_length": "4096",
    "validation.clips": "1",
    "validation.every_steps": "2",
    "precision": "fp32",
}


def surrogate(run: Any, dataset: str, *, storage: str, name: str, callbacks: list, quiet: bool) -> TrainResult:
    """What a training is to Tune, in moments: a controller that holds a placement group, and reports."""
    from ray import tune as ray_tune
    from ray.util.placement_group import placement_group

    @ray.remote(num_cpus=0)
    class Controller:
        def hold(self) -> None:
            group = placement_group([{"CPU": run.resources.cpus_per_worker}] * run.resources.max_workers)
            assert group.wait(120), "the cluster was full: a stopped trial kept its cores"

    controller = Controller.remote()
    ray.get(controller.hold.remote())
    if run.seed == 13:
        raise DivergedError("step 3: loss is no number")
    if run.seed == 14:
        raise OSError("the disk is full")
    if run.seed == 15 and not (lost := Path(storage) / "lost").exists():
        lost.parent.mkdir(exist_ok=True)
        lost.touch()
        os._exit(1)  # as where its machine is lost
    step = 0
    while step < run.schedule.max_steps:
        step += 10
        # Later trials are worse, so that all but the first are stopped at the first rung.
        ray_tune.report({"step": step, "val/mel": float(name) + 1 / step})
        time.sleep(0.5)
    return TrainResult("", step, "finished", None, 0.0)


def free_cpus(patience_s: float = 30) -> float:
    """CPUs that nobody holds, once they are all back or patience ends."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until and ray.available_resources().get("CPU") != ray.cluster_resources()["CPU"]:
        time.sleep(0.2)
    return ray.available_resources().get("CPU", 0)


@pytest.mark.slow
def test_trials_stopped_early_give_everything_back(ray_session, dataset, tmp_path):
    """Twenty trials of two cores each on four: without the cores of stopped ones the third would wait for ever."""
    before, groups = free_cpus(), len(reaper.groups())
    result = tune(
        SMOKE,
        dataset,
        storage=tmp_path,
        overrides=["samples=20", "resources={num_workers: 2}", "concurrency=2"],
        trainer=surrogate,
        quiet=True,
    )
    statuses = [row.status for row in result.board.rows]
    assert statuses.count("stopped") >= 12, statuses
    assert set(statuses) <= {"stopped", "finished"}, statuses
    assert result.board.best is result.board.rows[0]
    assert free_cpus() == before == ray.cluster_resources()["CPU"]
    assert len(reaper.groups()) == groups


def test_a_trial_that_fails_is_one_line_and_not_the_end(ray_session, dataset, tmp_path):
    result = tune(
        SMOKE,
        dataset,
        storage=tmp_path,
        overrides=["search=grid", "samples=null", "space.seed={choice: [1, 13, 14, 15]}", "scheduler.type=fifo",
                   "space.objective.adversarial.lambda_mse={choice: [1]}",
                   "space.optim.generator.lr={choice: [1e-3]}", "space.optim.discriminator.lr={choice: [1e-3]}"],
        trainer=surrogate,
        quiet=True,
    )  # fmt: skip
    assert [row.status for row in result.board.rows] == ["finished", "diverged", "failed", "finished"]
    assert "no number" in result.board.rows[1].message
    assert "disk is full" in result.board.rows[2].message
    assert (tmp_path / result.document["sweep"] / "trials" / "lost").exists(), (
        "the last one's process was lost, and it went on"
    )
    assert result.document["best"]["id"] == "00"


def test_a_sweep_ends_when_its_minutes_are_over(ray_session, dataset, tmp_path):
    result = tune(
        SMOKE,
        dataset,
        storage=tmp_path,
        overrides=["samples=3", "concurrency=1", "budget={steps: 4000, total_minutes: 0.4}", "scheduler.type=median"],
        trainer=surrogate,
        quiet=True,
    )
    assert result.board.rows[0].status == "stopped"
    assert 0 < result.board.rows[0].step < 4000
    assert result.document["best"]["id"] == "00"
    assert [row.status for row in result.board.rows][-1] == "waiting"

    folder = Path(result.document["sweep"])
    document = json.loads((folder / "sweep.json").read_text())
    document["config"]["budget"] = {"steps": 20}
    document["trials"][0]["message"] = ""  # stopped for good
    (folder / "sweep.json").write_text(json.dumps(document))
    again = resume(folder, trainer=surrogate, quiet=True)
    assert [row.status for row in again.board.rows] == ["stopped", "finished", "finished"]
    assert again.board.rows[0].history == result.board.rows[0].history
    with pytest.raises(UsageError, match="is finished"):
        resume(folder, quiet=True)
    with pytest.raises(DataError, match="no sweep"):
        resume(tmp_path / "nothing", quiet=True)


def test_a_search_that_learns_confirms_its_best_beside_the_recipe(ray_session, dataset, tmp_path):
    """Suggestions come while trials run; the confirmed ones are trained with seeds of their own, to the end."""
    result = tune(
        SMOKE,
        dataset,
        storage=tmp_path,
        overrides=["samples=2", "search=tpe", "concurrency=2", "budget.steps=10", "scheduler.type=fifo",
                   "seeds=[1, 2]", "confirm={best: 1, seeds: [7, 8]}"],
        trainer=surrogate,
        quiet=True,
    )  # fmt: skip
    rows = result.board.rows
    assert [row.part for row in rows] == ["search"] * 4 + ["confirm"] * 4
    assert [row.seed for row in rows] == [1, 2] * 2 + [7, 8] * 2
    assert [row.status for row in rows] == ["finished"] * 8
    assert [row.config for row in rows[:4:2]] == [row.config for row in rows[1:4:2]]
    assert len({str(row.config) for row in rows[:4]}) == 2
    # The surrogate scores a trial by its number: the search's first sample wins, and its confirmation is the fifth.
    assert rows[4].config == rows[5].config == rows[0].config
    assert rows[6].config == rows[7].config == {}
    assert result.document["best"]["id"] == "04"
    assert [round(one["mean"], 2) for one in result.document["confirmed"]] == [4.6, 6.6]
    scale = result.document["scale"]
    assert scale["recording"]["val/mel"] == 0 < scale["griffin_lim"]["val/mel"] < 1
    page = Path(result.document["report"]).read_text()
    assert "How sure is it" in page
    assert "Griffin-Lim copies" in page
    with pytest.raises(UsageError, match="is finished"):
        resume(result.document["sweep"], quiet=True)


def two_generations(dataset, storage, *overrides):
    """A small population, trained for real."""
    free_cpus()
    small = [f"set.{key}={value}" for key, value in SMALL.items()]
    overrides = [*overrides, "scheduler={type: pbt, generations: 2}", *small]
    return tune(SMOKE, dataset, storage=storage, overrides=overrides, quiet=True)


@pytest.mark.slow
def test_a_population_trains_for_real_and_copies(ray_session, dataset, tmp_path):
    """Three members on two generations: the worst goes on with the best one's networks, and with values of its own."""
    result = two_generations(dataset, tmp_path, "samples=3", "budget={steps: 8}")
    rows, folder = result.board.rows, Path(result.document["sweep"])
    assert [(row.status, row.step) for row in rows] == [("finished", 8)] * 3
    assert json.loads((folder / "sweep.json").read_text())["generation"] == 2
    (loser,) = [row for row in rows if len(row.moves) == 2]
    at_half = {row.id: dict(row.history)[4] for row in rows}
    move = loser.moves[1]
    assert move["step"] == 4
    assert at_half[loser.id] == max(at_half.values())
    assert at_half[move["from"]] == min(at_half.values())
    assert loser.config == move["config"] != loser.moves[0]["config"]
    written = [json.loads(line) for line in (Path(loser.run) / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in written if "val/mel" in line].count(8) == 1
    assert load_run(result.document["best_recipe"]).optim.generator.lr == result.board.best.config["optim.generator.lr"]
    assert "Lineage" in Path(result.document["report"]).read_text()
    with pytest.raises(UsageError, match="is finished"):
        resume(folder, quiet=True)
    assert free_cpus() == ray.cluster_resources()["CPU"]


@pytest.mark.slow
def test_a_population_by_the_minute_compares_members_where_each_stands(ray_session, dataset, tmp_path):
    """Two members, two generations of six seconds: the worse one goes on where the better one stood."""
    result = two_generations(dataset, tmp_path, "samples=2", "budget={minutes: 0.2}")
    rows = result.board.rows
    assert [row.status for row in rows] == ["finished"] * 2
    assert all(row.trained_s >= 12 for row in rows)
    (loser,) = [row for row in rows if len(row.moves) == 2]
    [donor] = [row for row in rows if row is not loser]
    at = loser.moves[1]["step"]
    assert loser.moves[1]["from"] == donor.id
    assert at in dict(donor.history), "the copy stands where the donor stood after its six seconds"
    assert all(row.step > at for row in rows)
    steps = [step for step, _ in loser.history]
    assert steps == sorted(set(steps))


def test_a_sweep_whose_trials_all_diverge_says_so_and_leaves_its_page(ray_session, dataset, tmp_path):
    with pytest.raises(DivergedError, match="no trial of 1 has a score") as caught:
        tune(
            SMOKE,
            dataset,
            storage=tmp_path,
            name="bad",
            overrides=["samples=1", "space.seed={choice: [13]}"],
            trainer=surrogate,
            quiet=True,
        )
    assert "loss is no number" in caught.value.problems[0].rule
    assert (tmp_path / "bad" / "sweep.json").is_file()


def test_a_trial_that_can_never_be_placed_ends_the_sweep_before_it_starts(ray_session, dataset, tmp_path):
    with pytest.raises(PlacementError) as caught:
        tune(SMOKE, dataset, storage=tmp_path, name="never", overrides=["resources.gpus_per_worker=1"], quiet=True)
    assert caught.value.exit_code == 3
    assert not (tmp_path / "never").exists()


def test_a_used_name_is_refused(ray_session, dataset, tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(UsageError, match="already"):
        tune(SMOKE, dataset, storage=tmp_path, name="taken", quiet=True)


def test_the_smoke_sweep_trains_for_real_and_gives_a_recipe(ray_session, dataset, tmp_path, capsys):
    """Whole Ray Train runs under Tune, through the command; networks and budget made small."""
    free_cpus()
    small = [f"--set=set.{key}={value}" for key, value in SMALL.items()]
    with pytest.raises(SystemExit) as ended:
        main(["tune", str(SMOKE), "--data", str(dataset), "--storage", str(tmp_path), "--name", "real", "--json",
              "--set=samples=3", "--set=budget.steps=8", *small])  # fmt: skip
    captured = capsys.readouterr()
    assert ended.value.code == 0, captured.err
    document = json.loads(captured.out)
    assert set(document) >= {"sweep", "trials", "best", "best_recipe", "report"}
    assert [trial["id"] for trial in document["trials"]] == ["00", "01", "02"]
    for trial in document["trials"]:
        assert trial["status"] in ("finished", "stopped"), trial
        assert trial["scores"]["val/mel"] > 0
        assert set(trial["config"]) == {
            "objective.adversarial.lambda_mse",
            "optim.generator.lr",
            "optim.discriminator.lr",
        }
        run = Path(trial["run"])
        assert (run / "metrics.jsonl").read_text().count("val/mel") >= len(trial["history"]) > 0
    best = load_run(document["best_recipe"])
    assert best.optim.generator.lr == document["best"]["config"]["optim.generator.lr"]
    assert best.schedule.max_minutes == 30, "as long as the recipe says, not as the sweep's budget"
    page = Path(document["report"])
    assert 'href="ab/index.html"' in page.read_text(encoding="utf-8")
    names = set(read_json(page.parent / "ab" / "key.json")["names"].values())  # the trials, blind
    assert len(names) > 1
    assert names <= {"trial 00", "trial 01", "trial 02"}
    assert free_cpus() == ray.cluster_resources()["CPU"]


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_that_was_ended_goes_on_where_it_was(dataset, tmp_path, end):
    """SIGKILL to the driver and all of its cluster, or Ctrl-C; trials that had ended are not trained again."""
    small = [f"--set=set.{key}={value}" for key, value in SMALL.items()]
    command = [sys.executable, "-m", "ganray", "tune", str(SMOKE), "--data", str(dataset), "--storage", str(tmp_path),
               "--name", "ended", "--set=samples=3", "--set=concurrency=1", "--set=budget.steps=8", "--json",
               "--set=set.checkpoint.every_steps=2", "--set=scheduler.type=fifo", *small]  # fmt: skip
    folder = tmp_path / "ended"

    def statuses():
        try:
            return [trial["status"] for trial in json.loads((folder / "sweep.json").read_text())["trials"]]
        except OSError:
            return []

    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    until = time.monotonic() + 300
    while time.monotonic() < until and statuses()[:2] != ["finished", "running"]:
        assert driver.poll() is None, "the sweep ended before it could be killed"
        time.sleep(0.1)
    os.killpg(driver.pid, end)
    told, _ = driver.communicate(timeout=120)
    first = (folder / "trials" / "00" / "metrics.jsonl").read_bytes()
    assert statuses()[0] == "finished"
    if end == signal.SIGINT:  # what there is by then is told, and written
        assert driver.returncode == 0
        assert [trial["status"] for trial in json.loads(told)["trials"]] == ["finished", "stopped", "waiting"]
        assert load_run(folder / "best_recipe.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "ganray", "tune", "--resume", str(folder), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [trial["status"] for trial in json.loads(done.stdout)["trials"]] == ["finished"] * 3
    assert (folder / "trials" / "00" / "metrics.jsonl").read_bytes() == first
