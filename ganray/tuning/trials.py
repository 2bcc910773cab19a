"""From a sweep to its trials: which values each one tries."""

import itertools
import json
import random
from collections.abc import Mapping
from typing import Any

from ganray.config import RunConfig
from ganray.config.documents import set_path
from ganray.config.sweep import SCORE, SweepConfig
from ganray.errors import ConfigError
from ganray.models import load_run

Sample = dict[str, Any]
"""What one trial tries: {dotted key: value}."""
PATIENCE = 1000
"""Draws for each sample, until it is one that is not there yet."""


def samples(sweep: SweepConfig) -> list[Sample]:
    """Every sample; the same list for the same sweep. Empty ones where each is chosen by what the others gave."""
    return [{} for _ in range(sweep.num_samples)] if sweep.search in ("tpe", "pareto") else drawn(sweep)


def drawn(sweep: SweepConfig) -> list[Sample]:
    """All of a grid, or as many as the sweep has at random, none twice."""
    if sweep.search == "grid":
        points = [values.points for values in sweep.space.values()]
        return [dict(zip(sweep.space, point, strict=True)) for point in itertools.product(*points)]
    generator = random.Random(sweep.seed)
    found: dict[str, Sample] = {}
    most = min(sweep.num_samples, sweep.num_points or sweep.num_samples)
    for _ in range(PATIENCE * most):
        sample = {key: values.draw(generator) for key, values in sweep.space.items()}
        found.setdefault(json.dumps(sample, sort_keys=True, default=str), sample)
        if len(found) == most:
            break
    return list(found.values())


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
