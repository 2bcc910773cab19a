"""Sweeps that are refused before their first trial: where, and in which words."""

from typing import Any

import pytest

from ganray.errors import ConfigError
from ganray.tuning.loading import load_sweep

SWEEP: dict[str, Any] = {
    "name": "little",
    "recipe": "source_filter_small",
    "set": {"checkpoint.measure": "mel", "validation.measures": ["mel", "pesq"], "validation.every_steps": 5},
    "space": {
        "objective.adversarial.lambda_mse": {"choice": [0.5, 1]},
        "optim.generator.lr": {"loguniform": [1e-4, 1e-3]},
    },
    "samples": 4,
    "budget": {"steps": 20},
}
LR = "optim.generator.lr"
MSE = "objective.adversarial.lambda_mse"
PBT = {"type": "pbt", "generations": 4}

REFUSED: dict[str, list[tuple[dict[str, Any], str, str]]] = {
    "space": [
        ({"space": {LR: {}}}, f"space.{LR}", "has no values; give exactly one of choice, uniform, loguniform, randint"),
        ({"space": {LR: {"uniform": [0, 1], "choice": [1]}}}, f"space.{LR}", "has choice and uniform"),
        ({"space": {LR: {"uniform": [1e-3, 1e-4]}}}, f"space.{LR}.uniform", "0.001 is not below 0.0001"),
        ({"space": {LR: {"uniform": [1e-4]}}}, f"space.{LR}.uniform.1", "one more value is needed"),
        ({"space": {LR: {"loguniform": [0, 1e-3]}}}, f"space.{LR}.loguniform", "0 has no logarithm"),
        ({"space": {LR: {"choice": [1e-3, 1e-3]}}}, f"space.{LR}.choice.1", "0.001 is there twice"),
        ({"space": {LR: {"unifrom": [1e-4, 1e-3]}}}, f"space.{LR}.unifrom", f"did you mean space.{LR}.uniform?"),
        ({"space": {"optim.generator.rl": {"choice": [1]}}}, "space.optim.generator.rl", "unknown key"),
        ({"space": {LR: {"uniform": [1e-4, 2]}}}, f"space.{LR}", "2.0: input should be less than or equal to 1"),
        ({"space": {LR: {"choice": [1e-4, "fast"]}}}, f"space.{LR}", "'fast': input should be a valid number"),
        ({"space": {"data.batch_size": {"choice": [4, 0]}}}, "space.data.batch_size", "0: input should be greater"),
        ({"space": {"generator.channels": {"choice": [0]}}}, "space.generator.channels", "0: input should be greater"),
        ({"space": {"generator": {"choice": [{"type": "source_filter"}]}, "generator.channels": {"choice": [32, 64]}}},
         "space.generator.channels", "lies in space.generator, which would replace it"),
        ({"space": {"generator": {"choice": [{"type": "source_filter"}]}}, "samples": 1,
          "set": SWEEP["set"] | {"generator.channels": 32}}, "set.generator.channels", "would replace it"),
        ({"set": SWEEP["set"] | {LR: 1e-3}}, f"set.{LR}", "is in space too"),
        ({"space": {"schedule.max_steps": {"choice": [5, 10]}}}, "space.schedule.max_steps", "decided by the sweep"),
        ({"space": {"validation.clips": {"choice": [2, 4]}}}, "space.validation.clips", "the same for all"),
        ({"space": {"checkpoint.measure": {"choice": ["mel"]}}}, "space.checkpoint.measure", "how trials are judged"),
        ({"space": {"audio.n_mels": {"choice": [80, 100]}}}, "space.audio.n_mels", "decided by the dataset"),
    ],
    "steps of ranges": [
        ({"space": {LR: {"uniform": [1e-4, 1e-3], "step": 1}}}, f"space.{LR}.step", "more than 0.001 - 0.0001"),
        ({"space": {LR: {"uniform": [1e-4, 1e-3], "step": 0}}}, f"space.{LR}.step", "greater than 0"),
        ({"space": {LR: {"choice": [1e-4], "step": 1}}}, f"space.{LR}.step", "one by one"),
        ({"space": {"data.batch_size": {"randint": [4, 8], "step": 0.5}}}, "space.data.batch_size.step", "whole step"),
        ({"space": {"data.segment_length": {"randint": [8192, 8448], "step": 128}}, "samples": 2},
         "space.data.segment_length", "8320 is no multiple of audio.hop_length 256"),
    ],
    "measures": [
        ({"metric": "loss/generator/mel"}, "metric", "is no held-out measure; its name is like val/mel"),
        ({"metric": "val/pseq", "mode": "max"}, "metric", "there is no measure val/pseq; did you mean val/pesq?"),
        ({"metric": "val/stft"}, "metric", "does not measure it; use val/mel or val/pesq, or add it with set"),
        ({"mode": "max"}, "mode", "lower val/mel is better; use min"),
        ({"mode": "least"}, "mode", "'least': input should be 'min' or 'max'"),
        ({"metric": {"val/pesq": 1, "val/mel": 1}, "mode": "max"}, "metric.val/mel", "use -1"),
        ({"metric": {"val/mel": 0}}, "metric.val/mel", "weighs nothing"),
        ({"metric": {}}, "metric", "judges nothing"),
    ],
    "search": [
        ({"samples": None}, "samples", "a random search needs a number of trials; add samples: 8"),
        ({"samples": 0}, "samples", "0: input should be greater"),
        ({"space": {MSE: {"choice": [0, 1]}}}, "samples", "space has only 2 different samples"),
        ({"search": "grid", "samples": None}, f"space.{LR}", "a grid needs a list of values"),
        ({"search": "grid", "space": {MSE: {"choice": [0, 1]}}}, "samples", "a grid has as many trials as points"),
        ({"search": "grid", "samples": None, "space": {"seed": {"randint": [1, 10**6]}}}, "space", "1,000,000 points"),
        ({"search": "pareto"}, "metric", "has no front; name several measures, or use search: tpe"),
        ({"search": "tpe", "samples": None}, "samples", "a tpe search needs a number of trials"),
        ({"search": "bayes"}, "search", "'bayes': input should be 'random', 'grid', 'tpe' or 'pareto'"),
        ({"concurrency": 0}, "concurrency", "0: input should be greater"),
    ],
    "budget and resources": [
        ({"budget": {}}, "budget", "trials would never end; set budget.steps or budget.minutes"),
        ({"budget": {"steps": 4}}, "budget.steps", "ends before the first validation, at step 5"),
        ({"budget": {"minutes": 5, "total_minutes": 3}}, "budget.total_minutes", "before a single trial of 5 minutes"),
        ({"resources": {"num_workers": [3, 2]}}, "resources.num_workers", "[min, max] with min above max"),
        ({"resources": {"num_workers": 99}}, "resources.num_workers", "more workers than the"),
        ({"resources": {"gpus_per_worker": -1}}, "resources.gpus_per_worker", "greater than or equal to 0"),
    ],
    "schedulers": [
        ({"scheduler": {"grace_ratio": 1}}, "scheduler.grace_ratio", "asha stops none; use less than 1"),
        ({"scheduler": {"grace_ratio": 2}}, "scheduler.grace_ratio", "less than or equal to 1"),
        ({"scheduler": {"reduction_factor": 1}}, "scheduler.reduction_factor", "greater than 1"),
        ({"scheduler": {"type": "median", "grace_ratio": 1}}, "scheduler.grace_ratio", "median stops none"),
        ({"scheduler": {"type": "hyperband"}}, "scheduler.type", "'asha', 'median', 'fifo' or 'pbt'"),
    ],
    "repeats": [
        ({"seeds": [1, 1]}, "seeds.1", "1 is there twice"),
        ({"seeds": [-1]}, "seeds.0", "greater than or equal to 0"),
        ({"seeds": [1, 2], "confirm": {"seeds": [2, 3]}}, "confirm.seeds.0", "the search has trained with 2"),
        ({"confirm": {"seeds": [1, 3]}}, "confirm.seeds.0", "the search trains with 1, the recipe's own"),
        ({"confirm": {"seeds": [5]}}, "confirm.seeds", "at least 2"),
        ({"confirm": {"best": 5}}, "confirm.best", "the search has only 4 samples"),
        ({"space": {"seed": {"randint": [1, 9]}}, "seeds": [1, 2]}, "space.seed", "is what seeds and confirm vary"),
    ],
    "populations": [
        ({"scheduler": PBT, "space": {"data.batch_size": {"choice": [2, 4, 8, 16]}}}, "space.data.batch_size",
         "can't change in the middle of a training; search only objective.*, optim.*.lr, optim.*.clip_norm"),
        ({"scheduler": PBT, "search": "tpe"}, "search", "a population is drawn at random"),
        ({"scheduler": PBT, "samples": 1}, "samples", "is no population; use 4 or more"),
        ({"scheduler": PBT, "budget": {"steps": 3}}, "budget.steps", "less than 4 generations"),
        ({"scheduler": PBT, "budget": {"steps": 20, "minutes": 1}}, "budget", "in steps or in minutes, not in both"),
        ({"scheduler": PBT, "seeds": [1, 2]}, "seeds", "values change on the way"),
        ({"scheduler": PBT, "confirm": {}}, "confirm", "values change on the way"),
        ({"scheduler": PBT | {"quantile": 0.6}}, "scheduler.quantile", "less than or equal to 0.5"),
        ({"scheduler": PBT | {"factor": 1}}, "scheduler.factor", "greater than 1"),
        ({"scheduler": PBT | {"resample": 2}}, "scheduler.resample", "less than or equal to 1"),
        ({"scheduler": PBT | {"generations": 1}}, "scheduler.generations", "greater than or equal to 2"),
    ],
    "recipe": [
        ({"recipe": "source_filter_smal"}, "recipe", "did you mean source_filter_small"),
        ({"set": SWEEP["set"] | {"optim.generator.rl": 1}}, "set.optim.generator.rl", "unknown key; known: lr"),
        ({"sampels": 3}, "sampels", "unknown key; did you mean samples?"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "path", "told"), [case for cases in REFUSED.values() for case in cases], ids=lambda part: str(part)[:60]
)
def test_a_sweep_is_refused_by_its_key_with_what_would_mend_it(change, path, told):
    with pytest.raises(ConfigError) as caught:
        load_sweep(SWEEP | change)
    problems = {problem.path: problem for problem in caught.value.problems}
    assert path in problems, problems
    assert told in f"{problems[path].rule}; {problems[path].mend}"


def test_everything_that_is_wrong_is_told_at_once():
    """Of the schema, of the sweep's own rules, of the recipe's set, of budget and seeds, of every key, each once."""
    wrong = {
        "sampels": 3,
        "mode": "max",
        "set": SWEEP["set"] | {"optim.generator.rl": 1, "data.batch_size": 0},
        "space": {
            LR: {"uniform": [1e-4, 2]},
            MSE: {"uniform": [1, 0]},
            "ema_decay": {"choice": [0.9, 1.5]},
        },
        "budget": {"steps": 4},
        "seeds": [1, 1],
        "resources": {"num_workers": 99},
        "scheduler": {"grace_ratio": 1},
    }
    with pytest.raises(ConfigError) as caught:
        load_sweep(SWEEP | wrong)
    assert sorted(problem.path for problem in caught.value.problems) == sorted(
        [
            "sampels",
            "mode",
            "set.optim.generator.rl",
            "set.data.batch_size",
            f"space.{LR}",
            f"space.{MSE}.uniform",
            "space.ema_decay",
            "budget.steps",
            "seeds.1",
            "resources.num_workers",
            "scheduler.grace_ratio",
        ]
    )
    assert "11 problems in sweep" in caught.value.message


def test_what_all_trials_have_wrong_is_not_said_again_for_every_key():
    with pytest.raises(ConfigError) as caught:
        load_sweep(SWEEP | {"resources": {"num_workers": 99}})
    assert [problem.path for problem in caught.value.problems] == ["resources.num_workers"]
