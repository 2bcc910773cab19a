"""What a sweep's keys ask of each other."""

import math
import re

from ganray.config.sweep import CONTRACT, JUDGING, MOST_POINTS, OWNED, SCORE, SweepConfig
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
    known = not problems  # how many points there are
    problems += [*_key_rules(sweep), *_metric_rules(sweep), *_search_rules(sweep, known)]
    problems += [*_budget_rules(sweep), *_seed_rules(sweep, known)]
    return problems + (_population_rules(sweep) if sweep.scheduler.type == "pbt" else [])


def _key_rules(sweep: SweepConfig) -> list[Problem]:
    """Which keys may be set, and which may differ between trials."""
    problems = [
        Problem(f"{group}.{key}", None, "is decided by the sweep", "use the sweep's budget, resources or name")
        for group in ("space", "set")
        for key in getattr(sweep, group)
        if _is_one_of(key, OWNED)
    ]
    for key in sweep.space:
        if _is_one_of(key, JUDGING):
            rule = "decides how trials are judged, which must be the same for all"
            problems.append(Problem(f"space.{key}", None, rule, "give it one value under set"))
        elif _is_one_of(key, (CONTRACT,)):
            rule = "is decided by the dataset, which is the same for all trials"
            problems.append(Problem(f"space.{key}", None, rule, "prepare a dataset for each value, and sweep each"))
        outer = next((other for other in sweep.space if key.startswith(f"{other}.")), None)
        if outer is not None:
            rule = f"lies in space.{outer}, which would replace it"
            problems.append(Problem(f"space.{key}", None, rule, f"write it into each choice of {outer}"))
    for key, value in sweep.set.items():
        if key in sweep.space:
            problems.append(Problem(f"set.{key}", value, "is in space too", "leave one of them out"))
        elif outer := next((other for other in sweep.space if key.startswith(f"{other}.")), None):
            rule = f"lies in space.{outer}, which would replace it"
            problems.append(Problem(f"set.{key}", value, rule, f"write it into each choice of {outer}"))
    return problems


def _is_one_of(key: str, groups: tuple[str, ...]) -> bool:
    """Whether a dotted key is one of these, or lies in one."""
    return any(key == group or key.startswith(f"{group}.") for group in groups)


def _metric_rules(sweep: SweepConfig) -> list[Problem]:
    """What judges."""
    problems = []
    for name, weight in sweep.weights.items():
        if not re.fullmatch(r"val/[a-z0-9_]+", name) or name == SCORE:
            problems.append(Problem("metric", name, f"{name} is no held-out measure", "its name is like val/mel"))
        elif not weight or not math.isfinite(weight):
            problems.append(Problem(f"metric.{name}", weight, "weighs nothing", "give a number, or leave it out"))
    if not sweep.weights:
        problems.append(Problem("metric", {}, "judges nothing", "name a measure: val/mel"))
    if sweep.search == "pareto" and len(sweep.weights) < 2:
        problems.append(Problem("metric", sweep.metric, "has no front", "name several measures, or use search: tpe"))
    return problems


def _search_rules(sweep: SweepConfig, known: bool) -> list[Problem]:
    """How many samples, of how many there can be; `known` if the space itself is sound."""
    if sweep.search != "grid":
        if sweep.samples is None:
            return [Problem("samples", None, f"a {sweep.search} search needs a number of trials", "add samples: 8")]
        points = sweep.num_points if known else None
        if points is not None and sweep.samples > points:
            rule = f"space has only {points} different samples; more would train the same again"
            mend = f"use {points} or fewer, or search: grid; seeds says how often to train each"
            return [Problem("samples", sweep.samples, rule, mend)]
        return []
    problems = []
    if sweep.samples is not None:
        problems.append(Problem("samples", sweep.samples, "a grid has as many trials as points", "leave it out"))
    endless = [
        Problem(f"space.{key}", None, "a grid needs a list of values", "give choice, or a step, or use search: random")
        for key, values in sweep.space.items()
        if known and values.num_points is None
    ]
    if known and not endless and sweep.num_samples > MOST_POINTS:
        rule = f"a grid of {sweep.num_samples:,} points is more than {MOST_POINTS:,}"
        problems.append(Problem("space", None, rule, "use search: random and samples"))
    return problems + endless


def _budget_rules(sweep: SweepConfig) -> list[Problem]:
    """How long trials last, and whether any could be stopped before."""
    problems, budget, its = [], sweep.budget, sweep.scheduler
    if budget.steps is None and budget.minutes is None:
        problems.append(Problem("budget", None, "trials would never end", "set budget.steps or budget.minutes"))
    if budget.minutes and budget.total_minutes and budget.total_minutes < budget.minutes:
        rule = f"ends before a single trial of {budget.minutes:g} minutes"
        problems.append(Problem("budget.total_minutes", budget.total_minutes, rule, "give more, or leave it out"))
    if its.type in ("asha", "median") and its.grace_ratio == 1:
        rule = f"lets every trial use its whole budget: {its.type} stops none"
        problems.append(Problem("scheduler.grace_ratio", 1, rule, "use less than 1, or scheduler.type: fifo"))
    return problems


def _seed_rules(sweep: SweepConfig, known: bool) -> list[Problem]:
    """Repeats must differ: the same seed again gives the same training again."""
    problems = []
    confirmed = sweep.confirm.seeds if sweep.confirm else ()
    for path, seeds in (("seeds", sweep.seeds or ()), ("confirm.seeds", confirmed)):
        for place, seed in enumerate(seeds):
            if seed in seeds[:place]:
                rule = f"{seed} is there twice; the same seed trains the same again"
                problems.append(Problem(f"{path}.{place}", seed, rule, "use another"))
    for place, seed in enumerate(confirmed):
        if seed in (sweep.seeds or ()):
            rule = f"the search has trained with {seed}: what was lucky would confirm itself"
            problems.append(Problem(f"confirm.seeds.{place}", seed, rule, "use seeds that are not in seeds"))
    if "seed" in sweep.space and (sweep.seeds or sweep.confirm):
        problems.append(Problem("space.seed", None, "is what seeds and confirm vary", "leave one of them out"))
    if sweep.confirm and known and sweep.confirm.best > sweep.num_samples:
        rule = f"the search has only {sweep.num_samples} samples"
        problems.append(Problem("confirm.best", sweep.confirm.best, rule, "use fewer"))
    return problems


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
    steps = sweep.budget.steps
    if steps is not None and sweep.budget.minutes is not None:
        rule = "generations are counted in steps or in minutes, not in both"
        problems.append(Problem("budget", None, rule, "leave one of them out"))
    elif steps is not None and steps < its.generations:
        rule = f"are less than {its.generations} generations"
        problems.append(Problem("budget.steps", steps, rule, f"use {its.generations} or more, or fewer generations"))
    for name in ("seeds", "confirm"):
        if getattr(sweep, name) is not None:
            problems.append(Problem(name, None, "a population's values change on the way", "leave it out"))
    return problems
