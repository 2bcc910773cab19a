"""From a sweep to its trials, before any of them starts."""

from typing import Any

import pytest

from ganray.config import recipe_names
from ganray.config.sweep import Values
from ganray.errors import ConfigError
from ganray.models import load_run
from ganray.tuning.loading import load_sweep
from ganray.tuning.trials import samples, summed, trial_run, tuned

SWEEP: dict[str, Any] = {
    "name": "little",
    "recipe": "source_filter_small",
    "set": {"checkpoint.measure": "mel", "validation.measures": ["mel"], "validation.every_steps": 5},
    "space": {
        "objective.adversarial.lambda_mse": {"choice": [0.5, 1]},
        "optim.generator.lr": {"loguniform": [1e-4, 1e-3]},
    },
    "samples": 4,
    "budget": {"steps": 10},
}


def problems_of(change: dict[str, Any], *overrides: str) -> dict[str, Any]:
    """{path: problem} that loading a changed sweep tells."""
    with pytest.raises(ConfigError) as caught:
        load_sweep(SWEEP | change, overrides)
    return {problem.path: problem for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("key", "values", "told"),
    [
        ("optim.generator.lrr", {"uniform": [1e-4, 1e-3]}, "did you mean optim.generator.lr?"),
        ("optim.generator.lr", {"uniform": [1e-4, 3]}, "3.0: input should be less than or equal to 1"),
        ("optim.generator.lr", {"uniform": [-1, 1e-3]}, "-1.0: input should be greater than 0"),
        ("data.segment_length", {"choice": [8192, 8200]}, "8200 is no multiple of audio.hop_length 256"),
        ("data.batch_size", {"uniform": [4, 9]}, "5.91: input should be a valid integer"),
        ("generator.type", {"choice": ["source_filter", "source_fliter"]}, "did you mean source_filter?"),
        ("discriminators.5.channels", {"choice": [8]}, "5 is no index of a list of 2"),
        ("discriminators.0.tpye", {"choice": ["mpd"]}, "did you mean discriminators.0.type?"),
        ("precision", {"choice": ["fp32", "fp64"]}, "'fp64': input should be"),
    ],
)
def test_a_value_that_the_recipe_refuses_is_told_before_the_first_trial(key, values, told):
    problem = problems_of({"space": {key: values}})[f"space.{key}"]
    assert told in f"{problem.rule}; {problem.mend}"


def test_all_refused_values_of_all_keys_are_told_at_once():
    told = problems_of({"space": {"seed": {"choice": [-1]}, "ema_decay": {"uniform": [0.5, 1.5]}}})
    assert set(told) == {"space.seed", "space.ema_decay"}


def test_values_that_only_clash_together_are_told():
    space = {"data.segment_length": {"choice": [8192, 4096]}, "data.judged_length": {"choice": [8192, 4096]}}
    told = problems_of({"space": space, "search": "grid", "samples": None})["space"]
    assert told.value == {"data.segment_length": 4096, "data.judged_length": 8192}
    assert "sample 2 would have data.judged_length" in told.rule


@pytest.mark.parametrize(
    ("change", "path", "told"),
    [
        ({"metric": "val/pesq", "mode": "max"}, "metric", "use val/mel"),
        ({"mode": "max"}, "mode", "use min"),
        ({"budget": {"steps": 4}}, "budget.steps", "before the first validation, at step 5"),
        ({"set": {"audio.hop_lenght": 300}}, "set.audio.hop_lenght", "did you mean audio.hop_length?"),
        ({"set": {"seed.first": 300}}, "set.seed.first", "seed is a value"),
    ],
)
def test_sweep_and_recipe_must_agree(change, path, told):
    problem = problems_of(change)[path]
    assert told in f"{problem.rule}; {problem.mend}"


def test_the_same_sweep_draws_the_same_samples_and_another_seed_others():
    first, again, other = (samples(load_sweep(SWEEP | {"seed": seed})[0]) for seed in (1, 1, 2))
    assert first == again != other
    assert len({str(sample) for sample in first}) == 4


def test_random_samples_are_none_twice():
    space = {"seed": {"randint": [1, 3]}, "data.batch_size": {"choice": [2, 4]}}
    tried = samples(load_sweep(SWEEP | {"space": space, "samples": 6})[0])
    assert len({str(sample) for sample in tried}) == 6


def test_a_grid_of_ranges_with_steps_tries_every_value():
    space = {"optim.generator.lr": {"uniform": [1e-4, 5e-4], "step": 2e-4}, "seed": {"randint": [1, 2]}}
    sweep, _ = load_sweep(SWEEP | {"space": space, "search": "grid", "samples": None})
    assert sweep.num_trials == 6
    assert [tuple(sample.values()) for sample in samples(sweep)] == [
        (1e-4, 1), (1e-4, 2), (3e-4, 1), (3e-4, 2), (5e-4, 1), (5e-4, 2)
    ]  # fmt: skip


def test_a_grid_tries_every_combination_once():
    space = {"seed": {"choice": [1, 2]}, "data.batch_size": {"choice": [2, 4, 8]}}
    sweep, _ = load_sweep({**SWEEP, "space": space, "search": "grid", "samples": None})
    tried = samples(sweep)
    assert len(tried) == len({tuple(sample.values()) for sample in tried}) == 6


def test_a_trial_is_the_recipe_with_set_sample_budget_and_resources():
    sweep, run = load_sweep(SWEEP | {"resources": {"num_workers": 2}, "budget": {"steps": 10, "minutes": 3}})
    trial = trial_run(sweep, run, {"optim.generator.lr": 2e-4})
    assert trial.optim.generator.lr == 2e-4
    assert trial.validation.every_steps == 5
    assert (trial.schedule.max_steps, trial.schedule.max_minutes) == (10, 3)
    assert trial.resources.num_workers == 2
    assert trial.seed == run.seed, "trials differ in nothing but their sample"


def test_what_is_found_is_trained_as_long_as_the_recipe_says():
    _, run = load_sweep(SWEEP)
    document = tuned(run, {"optim.generator.lr": 2e-4})
    assert document["schedule"] == run.schedule.model_dump(mode="json")
    assert document["optim"]["generator"]["lr"] == 2e-4


def test_overrides_reach_the_dotted_keys_of_set_and_space():
    sweep, run = load_sweep(
        SWEEP, ["set.data.batch_size=2", "space.seed={choice: [1, 2]}", "samples=7", "budget.steps=20"]
    )
    assert run.data.batch_size == 2
    assert sweep.space["seed"].choice == (1, 2)
    assert (sweep.samples, sweep.budget.steps) == (7, 20)


def test_every_recipe_in_the_box_can_be_swept():
    for name in recipe_names():
        change = {"recipe": name, "space": {"seed": {"choice": [1, 2]}}, "search": "grid", "samples": None}
        if load_run(name).generator.type == "text":  # it has no recording's rhythm to be compared with
            by_ear = SWEEP["set"] | {"checkpoint.measure": "distillmos", "validation.measures": ["distillmos"]}
            change |= {"set": by_ear, "metric": "val/distillmos", "mode": "max"}
        load_sweep(SWEEP | change)


@pytest.mark.parametrize(
    ("values", "allowed"),
    [
        ({"uniform": [0.1, 0.5], "step": 0.1}, {0.1, 0.2, 0.3, 0.4, 0.5}),
        ({"uniform": [0, 10], "step": 4}, {0, 4, 8}),
        ({"randint": [2, 9], "step": 3}, {2, 5, 8}),
        ({"loguniform": [1, 100], "step": 33}, {1, 34, 67, 100}),
    ],
)
def test_a_range_with_a_step_has_few_values(values, allowed):
    space = {"objective.adversarial.lambda_mse": values}
    values = load_sweep(SWEEP)[0].model_copy(
        update={"space": {"x": Values(**space["objective.adversarial.lambda_mse"])}, "samples": 200}
    )
    assert {sample["x"] for sample in samples(values)} == allowed


@pytest.mark.parametrize(
    ("values", "told"),
    [({"uniform": [0, 1], "step": 2}, "more than 1 - 0"), ({"choice": [1, 2], "step": 1}, "one by one")],
)
def test_a_step_that_makes_no_sense_is_told(values, told):
    assert (
        told
        in problems_of({"space": {"objective.adversarial.lambda_mse": values}})[
            "space.objective.adversarial.lambda_mse.step"
        ].rule
    )


def test_several_measures_judge_by_their_weighted_sum():
    measures = {"validation.measures": ["mel", "pesq", "distillmos"]}
    metric = {"val/distillmos": 1, "val/pesq": 0.5, "val/mel": -2}
    sweep, _ = load_sweep(SWEEP | {"set": SWEEP["set"] | measures, "metric": metric, "mode": "max"})
    assert sweep.score == "val/score"
    scores = {"val/distillmos": 3.0, "val/pesq": 2.0, "val/mel": 0.25, "step": 5}
    assert summed(scores, sweep.weights) == {"val/score": 3.5}
    assert summed({"val/pesq": 2.0}, sweep.weights) == {}
    told = problems_of({"set": SWEEP["set"] | measures, "metric": metric | {"val/mel": 2}, "mode": "max"})
    assert told["metric.val/mel"].mend == "use -2"
    assert "does not measure" in problems_of({"metric": {"val/mel": 1, "val/pesq": -1}})["metric.val/pesq"].rule
