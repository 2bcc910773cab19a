"""The simulated day is decided by Ray's autoscaler, and its figures add up."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools" / "day"))
import day as days
import measure

sys.path.pop(0)
for name in ("measure", "day", "machines"):  # other tools have modules of these names
    sys.modules.pop(name)
SMALL = {"trainers": 3, "servers": 2}


def small(**change) -> days.Day:
    busy = replace(
        measure.busy_day(), peak=60, trials=5, at_once=4, sweep_h=0.5, trial_h=0.25, trainings=((0.1, 2, 0.3),)
    )
    return replace(busy, scaling=busy.scaling.model_copy(update={"min_replicas": 1, "max_replicas": 8}), **change)


@pytest.fixture(scope="module")
def seen() -> days.Seen:
    return days.simulate(measure.large(5, SMALL), small(), hours=3)


def test_everything_that_fits_is_done(seen):
    assert seen.ended == {"trial": 5, "training": 1}
    assert max(seen.beyond) > 0, "five trials and a training on three machines"
    assert seen.beyond[-1] == 0
    assert seen.waiting[-1] == 0


def test_no_pool_grows_beyond_its_most_and_machines_are_given_back(seen):
    for pool, most in SMALL.items():
        assert max(seen.machines[pool]) <= most
    assert max(seen.machines["trainers"]) == 3
    assert seen.machines["trainers"][-1] == 0, "five idle minutes are over"
    assert min(seen.machines["servers"]) >= 1
    assert set(seen.working["head"]) == {0}


def test_nothing_runs_before_its_machine_has_started(seen):
    assert min(seen.waits_s["training"]) >= 180
    first = next(i for i, count in enumerate(seen.working["trainers"]) if count)
    assert first * days.TICK_S >= 0.1 * days.HOUR_S + 180


def test_cost_is_machines_times_their_price(seen):
    cluster = measure.large(5, SMALL)
    by_hand = sum(
        count * cluster.pools[pool].price_per_hour for pool, counts in seen.machines.items() for count in counts
    )
    assert measure.table(seen, cluster)["cost"] == pytest.approx(by_hand / 60)


def test_what_can_never_be_is_told():
    """A training of four workers, where there are three machines: it waits for ever, and costs nothing."""
    seen = days.simulate(measure.large(5, SMALL), small(trainings=((0, 4, 1),), trials=0), hours=0.5)
    assert set(seen.beyond) == {1}
    assert max(seen.machines["trainers"]) == 0
    assert seen.waiting[-1] == 1


def test_the_same_seed_gives_the_same_day(seen):
    again = days.simulate(measure.large(5, SMALL), small(), hours=3)
    assert again.as_json() == seen.as_json()
