"""What a sweep's keys ask of each other."""

import math
import re

from ganray.config.sweep import OWNED, SCORE, SweepConfig
from ganray.errors import Problem

MOVABLE = re.compile(r"objective\..+|optim\.(generator|discriminator)\.(lr|clip_norm)")
"""Keys that are read anew in every update."""
MOVABLE_NAMES = "objective.*, optim.*.lr, optim.*.clip_norm"


def sweep_rules(sweep: SweepConfig) -> list[Problem]:
    """Cross-field rules that need no recipe."""
    problems = [
        Problem(".".join(filter(None, ["space", key, p.path])), p.value, p.rule, p.mend)
        for key, values in sweep.space.items()
        for p in values.rules()
    ]
    for group in ("space", "set"):
        problems += [
            Problem(f"{group}.{key}", None, "is decided by the sweep", "use the sweep's budget, resources or name")
            for key in getattr(sweep, group)
            if any(key == owned or key.startswith(f"{owned}.") for owned in OWNED)
        ]
    problems += [
        Problem(f"set.{key}", sweep.set[key], "is in space too", "leave one of them out")
        for key in sweep.space
        if key in sweep.set
    ]
    for name, weight in sweep.weights.items():
        if not re.fullmatch(r"val/[a-z0-9_]+", name) or name == SCORE:
            problems.append(Problem("metric", name, "is no held-out measure", "its name is like val/mel"))
        elif not weight or not math.isfinite(weight):
            problems.append(Problem(f"metric.{name}", weight, "weighs nothing", "give a number, or leave it out"))
    if not sweep.weights:
        problems.append(Problem("metric", {}, "judges nothing", "name a measure: val/mel"))
    if sweep.search != "grid" and sweep.samples is None:
        problems.append(Problem("samples", None, f"a {sweep.search} search needs a number of trials", "add samples: 8"))
    if sweep.search == "pareto" and len(sweep.weights) < 2:
        problems.append(Problem("metric", sweep.metric, "has no front", "name several measures, or use search: tpe"))
    if sweep.search == "grid":
        if sweep.samples is not None:
            problems.append(Problem("samples", sweep.samples, "a grid has as many trials as points", "leave it out"))
        problems += [
            Problem(f"space.{key}", None, "a grid needs a list of values", "give choice, or use search: random")
            for key, values in sweep.space.items()
            if values.choice is None
        ]
    if sweep.budget.steps is None and sweep.budget.minutes is None:
        problems.append(Problem("budget", None, "trials would never end", "set budget.steps or budget.minutes"))
    if "seed" in sweep.space and (sweep.seeds or sweep.confirm):
        problems.append(Problem("space.seed", None, "is what seeds and confirm vary", "leave one of them out"))
    return problems + (_population_rules(sweep) if sweep.scheduler.type == "pbt" else [])


def _population_rules(sweep: SweepConfig) -> list[Problem]:
    """What can change in the middle of a training: nothing that a network or an optimiser is built from."""
    problems = [
        Problem(f"space.{key}", None, "can't change in the middle of a training", f"search only {MOVABLE_NAMES}")
        for key in sweep.space
        if not MOVABLE.fullmatch(key)
    ]
    its = sweep.scheduler
    if sweep.search != "random":
        problems.append(Problem("search", sweep.search, "a population is drawn at random", "use search: random"))
    if (sweep.samples or 2) < 2:
        problems.append(Problem("samples", sweep.samples, "is no population", "use 4 or more"))
    if sweep.budget.steps is None or sweep.budget.minutes is not None:
        problems.append(Problem("budget", None, "generations are counted in steps", "set budget.steps, not minutes"))
    elif sweep.budget.steps < its.generations:
        problems.append(Problem("budget.steps", sweep.budget.steps, f"are less than {its.generations} generations"))
    for name in ("seeds", "confirm"):
        if getattr(sweep, name) is not None:
            problems.append(Problem(name, None, "a population's values change on the way", "leave it out"))
    return problems
