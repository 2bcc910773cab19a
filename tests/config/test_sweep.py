"""A sweep's schema: what may be written, and what is drawn."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganray.config import load
from ganray.config.sweep import SweepConfig, Values
from ganray.config.sweep_rules import sweep_rules
from ganray.errors import ConfigError

LEAST: dict[str, Any] = {
    "name": "least",
    "recipe": "source_filter_small",
    "space": {"optim.generator.lr": {"loguniform": [1e-4, 1e-3]}},
    "samples": 2,
    "budget": {"steps": 10},
}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"space": {"seed": {}}}, "space.seed"),
        ({"space": {"seed": {"choice": [1], "randint": [1, 2]}}}, "space.seed"),
        ({"space": {"seed": {"choice": []}}}, "space.seed.choice"),
        ({"space": {"seed": {"chioce": [1]}}}, "space.seed.chioce"),
        ({"space": {"optim.generator.lr": {"uniform": [2, 1]}}}, "space.optim.generator.lr.uniform"),
        ({"space": {"optim.generator.lr": {"loguniform": [0, 1]}}}, "space.optim.generator.lr.loguniform"),
        ({"space": {"seed": {"randint": [1.5, 2]}}}, "space.seed.randint.0"),
        ({"space": {}}, "space"),
        ({"space": {"schedule.max_steps": {"choice": [1]}}}, "space.schedule.max_steps"),
        ({"space": {"resources.num_workers": {"choice": [1]}}}, "space.resources.num_workers"),
        ({"set": {"name": "other"}}, "set.name"),
        ({"set": {"optim.generator.lr": 1e-3}}, "set.optim.generator.lr"),
        ({"samples": None}, "samples"),
        ({"search": "grid"}, "samples"),
        ({"search": "grid", "samples": None}, "space.optim.generator.lr"),
        ({"budget": {}}, "budget"),
        ({"budget": {"minutes": 0}}, "budget.minutes"),
        ({"metric": "loss/generator/total"}, "metric"),
        ({"scheduler": {"type": "pbd"}}, "scheduler.type"),
        ({"search": "pareto"}, "metric"),
        ({"search": "tpe", "samples": None}, "samples"),
        ({"seeds": []}, "seeds"),
        ({"seeds": [1, 2], "space": {"seed": {"choice": [1, 2]}}}, "space.seed"),
        ({"confirm": {"seeds": [1]}}, "confirm.seeds"),
        ({"concurrency": 0}, "concurrency"),
    ],
)
def test_a_sweep_that_cannot_be_meant_is_refused_by_its_key(change, path):
    with pytest.raises(ConfigError) as caught:
        load(SweepConfig, LEAST | change, rules=sweep_rules)
    assert path in [problem.path for problem in caught.value.problems]
    assert all(problem.mend for problem in caught.value.problems if problem.rule != "unknown key")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"space": {"generator.channels": {"choice": [32, 64]}}}, "space.generator.channels"),
        ({"space": {"optim.generator.freeze": {"choice": [["a"], ["b"]]}}}, "space.optim.generator.freeze"),
        ({"search": "tpe"}, "search"),
        ({"samples": 1}, "samples"),
        ({"budget": {"steps": 10, "minutes": 1}}, "budget"),
        ({"budget": {"steps": 3}}, "budget.steps"),
        ({"seeds": [1, 2]}, "seeds"),
        ({"confirm": {}}, "confirm"),
    ],
)
def test_a_population_changes_only_what_can_change_in_the_middle(change, path):
    population = LEAST | {"scheduler": {"type": "pbt", "generations": 4}}
    assert sweep_rules(load(SweepConfig, population)) == []
    with pytest.raises(ConfigError) as caught:
        load(SweepConfig, population | change, rules=sweep_rules)
    assert path in [problem.path for problem in caught.value.problems]


def test_a_sound_sweep_has_no_problem():
    assert sweep_rules(load(SweepConfig, LEAST)) == []


def test_a_grid_has_as_many_trials_as_points():
    space = {"seed": {"choice": [1, 2, 3]}, "optim.generator.lr": {"choice": [1e-4, 1e-3]}}
    sweep = load(SweepConfig, LEAST | {"space": space, "search": "grid", "samples": None}, rules=sweep_rules)
    assert sweep.num_trials == 6
    assert sweep.model_copy(update={"seeds": (1, 2)}).num_trials == 12


@settings(deadline=None)
@given(
    low=st.floats(1e-6, 1e6),
    ratio=st.floats(1.001, 1e6),
    form=st.sampled_from(["uniform", "loguniform"]),
    seed=st.integers(0, 99),
)
def test_what_is_drawn_lies_between_the_bounds(low, ratio, form, seed):
    values = Values.model_validate({form: [low, low * ratio]})
    assert values.rules() == []
    assert low <= values.draw(random.Random(seed)) <= low * ratio


@settings(deadline=None, max_examples=30)
@given(low=st.integers(-100, 100), width=st.integers(1, 5))
def test_whole_numbers_reach_both_ends(low, width):
    values, generator = Values(randint=(low, low + width)), random.Random(0)
    assert {values.draw(generator) for _ in range(300)} == set(range(low, low + width + 1))


@pytest.mark.parametrize(
    "values", [{"choice": [1, "a", None]}, {"uniform": [0, 1]}, {"loguniform": [1, 8]}, {"randint": [1, 900]}]
)
def test_the_probes_hold_every_choice_or_both_ends(values):
    ((form, given),) = values.items()
    probes = Values.model_validate(values).probes()
    assert set(given) <= set(probes)
    assert len(probes) == (len(given) if form == "choice" else 3)


@pytest.mark.parametrize(
    ("values", "points"),
    [
        ({"randint": [1, 9]}, [*range(1, 10)]),
        ({"randint": [1, 9], "step": 3}, [1, 4, 7]),
        ({"uniform": [0.1, 0.4], "step": 0.1}, [0.1, 0.2, 0.3, 0.4]),
        ({"choice": ["a", None]}, ["a", None]),
    ],
)
def test_of_few_values_every_one_is_tried(values, points):
    values = Values.model_validate(values)
    assert values.probes() == values.points == points
    assert values.num_points == len(points)


def test_a_range_without_steps_has_no_number_of_values():
    assert Values(uniform=(0, 1)).num_points is None
