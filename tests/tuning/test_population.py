"""A population: who copies whom, what a copy is, and that its values are in force at once."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganray.config import load
from ganray.config.sweep import SweepConfig, Values
from ganray.config.sweep_rules import sweep_rules
from ganray.gan import GanState
from ganray.gan.run import Run
from ganray.models import load_run
from ganray.tuning.board import Row
from ganray.tuning.population import Mark, copy, exploits, perturbed

LR = "optim.generator.lr"
MSE = "objective.adversarial.lambda_mse"
SMALL = ["generator.channels=16", "generator.inner=32", "generator.blocks=1", "generator.f0_channels=8",
         "generator.f0_blocks=1", "discriminators.0.channels=[4, 8]", "discriminators.0.periods=[2]",
         "discriminators.1.channels=2", "schedule.warmup_steps=0", "optim.discriminator.start_step=0"]  # fmt: skip


def sweep_of(**changes: Any) -> SweepConfig:
    document = {
        "name": "people",
        "recipe": "source_filter_small",
        "space": {LR: {"loguniform": [1e-5, 1e-2]}, MSE: {"choice": [0.1, 1, 10, 100]}},
        "samples": 8,
        "budget": {"steps": 80},
        "scheduler": {"type": "pbt", "generations": 4},
    }
    return load(SweepConfig, document | changes, rules=sweep_rules)


def people(scores: list[float | None], step: int = 20) -> list[Row]:
    """Members with a score at `step`; None: diverged."""
    return [
        Row(f"{i:02}", {LR: 1e-3, MSE: 1}, "", status="diverged" if s is None else "stopped", step=step,
            history=[(10, 99.0)] + ([] if s is None else [(step, s)]))
        for i, s in enumerate(scores)
    ]  # fmt: skip


def test_the_worse_quarter_copies_the_better_one():
    rows = people([0.5, 0.1, 0.8, 0.4, 0.2, 0.9, 0.6, 0.3])
    found = exploits(sweep_of(), rows, 1)
    assert {loser.id for loser, _, _ in found} == {"02", "05"}
    assert {donor.id for _, donor, _ in found} <= {"01", "04"}
    found = exploits(sweep_of(mode="max", metric="val/pesq"), rows, 1)
    assert {loser.id for loser, _, _ in found} == {"01", "04"}


def test_a_member_that_diverged_goes_on_as_a_copy():
    found = exploits(sweep_of(), people([0.5, None, 0.3, 0.4]), 1)
    assert [loser.id for loser, _, _ in found] == ["00", "01"]
    assert {donor.id for _, donor, _ in found} == {"02"}
    assert [loser.id for loser, _, _ in exploits(sweep_of(), people([0.5, None]), 1)] == ["01"]


def test_one_member_alone_copies_nobody():
    assert exploits(sweep_of(), people([0.5]), 1) == []


def test_the_same_generation_gives_the_same_lineage():
    rows = people([0.5, 0.1, 0.8, 0.4])
    first, again = (exploits(sweep_of(), rows, 1) for _ in range(2))
    assert first == again
    assert first != exploits(sweep_of(), rows, 2)


@settings(deadline=None)
@given(seed=st.integers(0, 999), start=st.floats(1e-5, 1e-2), choice=st.sampled_from([0.1, 1, 10, 100]))
def test_moved_values_stay_in_the_space_and_near(seed, start, choice):
    sweep = sweep_of(scheduler={"type": "pbt", "generations": 4, "resample": 0, "factor": 1.5})
    moved = perturbed({LR: start, MSE: choice}, sweep.space, sweep.scheduler, random.Random(seed))
    assert 1e-5 <= moved[LR] <= 1e-2
    assert 1 / 1.5001 <= moved[LR] / start <= 1.5001
    assert moved[MSE] in (0.1, 1, 10, 100)
    assert 0.099 < moved[MSE] / choice < 10.1


def test_whole_numbers_and_words_can_move():
    space = {"a": Values(randint=(1, 9)), "b": Values(choice=("x", "y", "z"))}
    scheduler = sweep_of(scheduler={"type": "pbt", "resample": 0, "factor": 2}).scheduler
    seen = {tuple(perturbed({"a": 4, "b": "y"}, space, scheduler, random.Random(i)).values()) for i in range(40)}
    assert seen == {(8, "x"), (8, "z"), (2, "x"), (2, "z")}


def stepped(folder: Path, lr: float, steps: int, seed: int) -> tuple[Row, GanState]:
    """A member whose networks and optimisers have taken steps of their own."""
    config = load_run("source_filter_small", [*SMALL, f"optim.generator.lr={lr}", f"seed={seed}"])
    run = Run.create(folder, config, {"path": "/data", "digest": "0"})
    state = GanState(config)
    for _ in range(steps):
        state.set_learning_rates()
        for optimiser in (state.generator_optimiser, state.discriminator_optimiser):
            for group in optimiser.param_groups:
                for parameter in group["params"]:
                    parameter.grad = torch.randn_like(parameter)
            optimiser.step()
        state.consumed += 16
        state.advance()
    run.save(state)
    run.enter(steps, {"mel": 1.0 / seed})
    return Row(folder.name, {LR: lr}, str(folder), scores={"val/mel": 1.0 / seed}, step=steps), state


def test_a_copy_is_the_whole_run_and_its_new_rate_is_in_force_at_once(tmp_path):
    loser, _ = stepped(tmp_path / "00", 1e-4, 4, seed=1)
    donor, state = stepped(tmp_path / "01", 1e-3, 4, seed=2)
    loser.moves = [{"step": 0, "from": None, "config": loser.config}]
    for _ in range(2):  # a sweep that was killed in the middle does it again
        copy(loser, donor, {LR: 2e-3})
    run = Run.open(loser.run)
    assert run.steps() == [4]
    taken = GanState(run.config)
    taken.load_state_dict(run.load(4))
    for network in ("generator", "discriminators", "average"):
        theirs, ours = getattr(state, network).state_dict(), getattr(taken, network).state_dict()
        assert all(torch.equal(theirs[name], ours[name]) for name in theirs), network
    for optimiser in ("generator_optimiser", "discriminator_optimiser"):
        theirs, ours = (getattr(one, optimiser).state_dict()["state"] for one in (state, taken))
        assert theirs.keys() == ours.keys() != set()
        assert all(torch.equal(theirs[n][key], ours[n][key]) for n in theirs for key in theirs[n]), optimiser
    assert (taken.step, taken.consumed) == (4, 64)
    taken.set_learning_rates()
    assert taken.generator_optimiser.param_groups[0]["lr"] == pytest.approx(2 * _rate(state), rel=1e-6)
    assert (loser.config, loser.scores, loser.step) == ({LR: 2e-3}, donor.scores, 4)
    assert run.leaderboard() == Run.open(donor.run).leaderboard()
    assert not [p for p in (run.path / "checkpoints").iterdir() if p.name.startswith(".")]


def _rate(state: GanState) -> float:
    state.set_learning_rates()
    return state.generator_optimiser.param_groups[0]["lr"]


def test_a_member_that_never_began_can_be_a_copy(tmp_path):
    donor, _ = stepped(tmp_path / "01", 1e-3, 2, seed=2)
    loser = Row("00", {LR: 1e-4}, str(tmp_path / "00"), status="failed", message="no")
    copy(loser, donor, {LR: 5e-4})
    assert Run.open(loser.run).steps() == [2]
    assert Run.open(loser.run).config.optim.generator.lr == 5e-4
    assert loser.status == "stopped"


def test_generations_are_equal_parts_of_the_steps_or_of_the_minutes():
    by_steps = sweep_of(budget={"steps": 82})
    assert [Mark.of(by_steps, number).until["until"] for number in (1, 2, 3, 4)] == [20, 41, 62, 82]
    by_minutes = sweep_of(budget={"minutes": 6})
    assert [Mark.of(by_minutes, number).until["until_minutes"] for number in (1, 2, 3, 4)] == [1.5, 3, 4.5, 6]
    assert Mark.of(by_minutes, 2).is_behind(Row("00", {}, "", step=7, trained_s=181))
    assert not Mark.of(by_minutes, 2).is_behind(Row("00", {}, "", step=7, trained_s=179))
    assert Mark.of(by_steps, 2).is_behind(Row("00", {}, "", step=41))
    assert not Mark.of(by_steps, 2).is_behind(Row("00", {}, "", step=40, trained_s=1e6))


def test_by_minutes_members_are_compared_where_each_stands_and_copies_stand_where_their_donor_does(tmp_path):
    """The slower one is the better one: after 4 updates better than the other after 6."""
    loser, _ = stepped(tmp_path / "00", 1e-4, 6, seed=1)
    donor, _ = stepped(tmp_path / "01", 1e-3, 4, seed=2)
    loser.history, donor.history = [(2, 3.0), (4, 2.0), (6, 1.0)], [(2, 1.0), (4, 0.5)]
    loser.trained_s, donor.trained_s = 61, 60.5
    sweep = sweep_of(budget={"minutes": 4}, mode="min", samples=2)
    [(worse, better, _)] = exploits(sweep, [loser, donor], 1)
    assert (worse, better) == (loser, donor)
    copy(loser, donor, {LR: 2e-3})
    assert Run.open(loser.run).steps() == [4]
    assert (loser.step, loser.trained_s, loser.history) == (4, 60.5, [(2, 3.0), (4, 2.0)])
    assert Mark.of(sweep, 1).is_behind(loser)
    assert not Mark.of(sweep, 2).is_behind(loser)
