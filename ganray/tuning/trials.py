"""From a sweep to its trials: which values each one tries, all of them checked before the first one starts."""

import itertools
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganray.config import RunConfig, load, read_yaml, recipe_path
from ganray.config.documents import count_of, parse_yaml, set_path
from ganray.config.sweep import SCORE, SweepConfig
from ganray.config.sweep_rules import sweep_rules
from ganray.errors import ConfigError, Problem
from ganray.metrics import MEASURES
from ganray.models import load_run

Sample = dict[str, Any]
"""What one trial tries: {dotted key: value}."""


def load_sweep(source: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> tuple[SweepConfig, RunConfig]:
    """Read a sweep, and try every bound and every choice of its space on its recipe.

    Args:
        source: A YAML file, or a mapping that was read from one.
        overrides: `--set` texts for the sweep's own keys; what follows `set.` or `space.` is one dotted key.

    Returns:
        The sweep, and its recipe with the sweep's `set` applied, without its budget.

    Raises:
        ConfigError: With every problem of the sweep, and every value that the recipe refuses.
    """
    name = "sweep" if isinstance(source, Mapping) else Path(source).name
    document, overrides = _with_keys(source, overrides)
    sweep = load(SweepConfig, document, overrides, rules=sweep_rules, name=name)
    document = read_yaml(recipe_path(sweep.recipe))
    for key, value in sweep.set.items():
        problem = set_path(document, key, value)
        if problem:
            raise ConfigError(
                f"1 problem in {name}", problems=[Problem(f"set.{key}", value, problem.rule, problem.mend)]
            )
    try:
        run = load_run(document)
    except ConfigError as error:
        told = [
            Problem(f"set.{p.path}" if p.path in sweep.set else p.path, p.value, p.rule, p.mend) for p in error.problems
        ]
        raise ConfigError(count_of(told, f"recipe {sweep.recipe} with the set of {name}"), problems=told) from error
    problems = [problem for key in sweep.space for problem in _refused(sweep, run, key)]
    if not problems:
        problems = _problems(sweep, run) or _clashes(sweep, run)
    if problems:
        raise ConfigError(count_of(problems, name), problems=problems)
    return sweep, run


def _with_keys(source: str | Path | Mapping[str, Any], overrides: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The sweep's document with the overrides under `set` and `space` written in, and the other overrides."""
    document = dict(source) if isinstance(source, Mapping) else read_yaml(source)
    others = []
    for override in overrides:
        path, equals, text = override.partition("=")
        group, _, key = path.strip().partition(".")
        held = document.get(group) or {}
        if equals and key and group in ("set", "space") and isinstance(held, dict):
            document[group] = held | {key: parse_yaml(text, f"--set {path}")}
        else:
            others.append(override)
    return document, others


def samples(sweep: SweepConfig) -> list[Sample]:
    """Every sample; the same list for the same sweep. Empty ones where each is chosen by what the others gave."""
    return [{} for _ in range(sweep.num_samples)] if sweep.search in ("tpe", "pareto") else _drawn(sweep)


def _drawn(sweep: SweepConfig) -> list[Sample]:
    """All of a grid, or as many as the sweep has at random."""
    if sweep.search == "grid":
        choices = [values.choice or () for values in sweep.space.values()]
        return [dict(zip(sweep.space, point, strict=True)) for point in itertools.product(*choices)]
    generator = random.Random(sweep.seed)
    return [{key: values.draw(generator) for key, values in sweep.space.items()} for _ in range(sweep.num_samples)]


def summed(scores: Mapping[str, Any], weights: Mapping[str, float]) -> Sample:
    """The weighted sum of measures, where one is asked for and all of them are there."""
    if not weights or any(name not in scores for name in weights):
        return {}
    return {SCORE: sum(weight * scores[name] for name, weight in weights.items())}


def trial_run(sweep: SweepConfig, run: RunConfig, sample: Sample, seed: int | None = None) -> RunConfig:
    """The run that tries `sample`: the recipe, the sample, the sweep's budget and resources, and a seed if given.

    Raises:
        ConfigError: The values don't go together.
    """
    document = tuned(run, sample)
    if seed is not None:
        document["seed"] = seed
    document["schedule"] |= {"max_steps": sweep.budget.steps, "max_minutes": sweep.budget.minutes}
    if sweep.resources is not None:
        document["resources"] = sweep.resources.model_dump(mode="json")
    return load_run(document)


def tuned(run: RunConfig, sample: Sample) -> dict[str, Any]:
    """The whole document of `run` with a sample's keys set."""
    document = run.model_dump(mode="json")
    for key, value in sample.items():
        problem = set_path(document, key, value)
        if problem:
            raise ConfigError(f"1 problem with {key}", problems=[problem])
    return document


def _refused(sweep: SweepConfig, run: RunConfig, key: str) -> list[Problem]:
    """The recipe's objections to the values of one key, each said once."""
    told: dict[str, Problem] = {}
    values = sweep.space[key]
    for number, value in enumerate(values.probes()):
        if told and values.choice is None and number == 2:
            break  # an end is refused: what lies between says no more
        try:
            trial_run(sweep, run, {key: value})
        except ConfigError as error:
            for problem in error.problems:
                rule = problem.rule if problem.path == key else f"{value}: {problem.path} {problem.rule}"
                told.setdefault(rule, Problem(f"space.{key}", value, rule, problem.mend))
    return list(told.values())


def _problems(sweep: SweepConfig, run: RunConfig) -> list[Problem]:
    """What sweep and recipe ask of each other."""
    problems = []
    measured = sorted({f"val/{measure}" for measure in (*run.validation.measures, run.checkpoint.measure)})
    for name, weight in sweep.weights.items():
        if name not in measured:
            mend = f"use {' or '.join(measured)}, or add it with set: validation.measures"
            problems.append(Problem("metric", name, f"{run.name} does not measure it", mend))
            continue
        better = MEASURES[name.removeprefix("val/")].better
        if (better == "lower") == ((sweep.mode == "min") == (weight > 0)):
            continue
        if isinstance(sweep.metric, str):
            right = "min" if better == "lower" else "max"
            problems.append(Problem("mode", sweep.mode, f"{better} {name} is better", f"use {right}"))
        else:
            rule = f"{better} {name} is better, and this weight with mode: {sweep.mode} asks for the contrary"
            problems.append(Problem(f"metric.{name}", weight, rule, f"use {-weight:g}"))
    every, steps = run.validation.every_steps, sweep.budget.steps
    if steps is not None and every > steps:
        rule = f"ends before the first validation, at step {every}"
        problems.append(Problem("budget.steps", steps, rule, f"use {every} or more, or set: validation.every_steps"))
    return problems


def _clashes(sweep: SweepConfig, run: RunConfig) -> list[Problem]:
    """Values that are allowed one by one and refused together, found in the very trials that would run."""
    for number, sample in enumerate(_drawn(sweep)):
        try:
            trial_run(sweep, run, sample)
        except ConfigError as error:
            return [
                Problem("space", sample, f"sample {number} would have {p.path}: {p.rule}", p.mend)
                for p in error.problems
            ]
    return []
