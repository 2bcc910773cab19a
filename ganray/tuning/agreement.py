"""What a sweep and its recipe ask of each other: every value is tried on the recipe before the first trial starts."""

from collections.abc import Sequence

from ganray.config import RunConfig
from ganray.config.problems import closest
from ganray.config.sweep import SweepConfig
from ganray.errors import ConfigError, Problem
from ganray.metrics import MEASURES
from ganray.models import load_run
from ganray.tuning.trials import drawn, trial_run, tuned


def disagreements(sweep: SweepConfig, run: RunConfig, keys: Sequence[str]) -> list[Problem]:
    """The recipe's objections to a sweep.

    Args:
        sweep: What is asked.
        run: Its recipe, with its `set`.
        keys: Those of its space that are sound by themselves.
    """
    problems = [*_of_all_trials(sweep, run), *_of_seeds(sweep, run), *_of_measures(sweep, run)]
    problems += _of_validations(sweep, run)
    told = {problem.rule for problem in problems}
    return problems + [problem for key in keys for problem in _of_values(sweep, run, key, told)]


def clashes(sweep: SweepConfig, run: RunConfig) -> list[Problem]:
    """Values that are allowed one by one and refused together, found in the very trials that would run.

    Of a search that learns, in as many random ones.
    """
    for number, sample in enumerate(drawn(sweep)):
        try:
            trial_run(sweep, run, sample)
        except ConfigError as error:
            return [
                Problem("space", sample, f"sample {number} would have {p.path}: {p.rule}", p.mend)
                for p in error.problems
            ]
    return []


def _of_all_trials(sweep: SweepConfig, run: RunConfig) -> list[Problem]:
    """What the recipe says to the sweep's budget and resources, whatever a trial tries."""
    try:
        trial_run(sweep, run, {})
    except ConfigError as error:
        return list(error.problems)
    return []


def _of_seeds(sweep: SweepConfig, run: RunConfig) -> list[Problem]:
    """Whether a training can have the seeds, and whether those that confirm are new to the search."""
    problems = []
    for path, seeds in (("seeds", sweep.seeds), ("confirm.seeds", sweep.confirm and sweep.confirm.seeds)):
        for place, seed in enumerate(seeds or ()):
            try:
                load_run(tuned(run, {"seed": seed}))
            except ConfigError as error:
                problems += [Problem(f"{path}.{place}", seed, p.rule, p.mend) for p in error.problems]
            if path == "confirm.seeds" and sweep.seeds is None and seed == run.seed:
                rule = f"the search trains with {seed}, the recipe's own: what was lucky would confirm itself"
                problems.append(Problem(f"{path}.{place}", seed, rule, "use another"))
    return problems


def _of_measures(sweep: SweepConfig, run: RunConfig) -> list[Problem]:
    """Whether the recipe's validation measures what judges, and whether less or more of it is better."""
    problems = []
    measured = sorted({f"val/{measure}" for measure in (*run.validation.measures, run.checkpoint.measure)})
    for name, weight in sweep.weights.items():
        path = "metric" if isinstance(sweep.metric, str) else f"metric.{name}"
        measure = name.removeprefix("val/")
        if measure not in MEASURES:
            meant = closest(name, [f"val/{one}" for one in MEASURES])
            mend = f"did you mean {meant}?" if meant else f"use one of {', '.join(f'val/{one}' for one in MEASURES)}"
            problems.append(Problem(path, name, f"there is no measure {name}", mend))
            continue
        if name not in measured:
            mend = f"use {' or '.join(measured)}, or add it with set: validation.measures"
            problems.append(Problem(path, name, f"{run.name} does not measure it", mend))
            continue
        better = MEASURES[measure].better
        if (better == "lower") == ((sweep.mode == "min") == (weight > 0)):
            continue
        if isinstance(sweep.metric, str):
            right = "min" if better == "lower" else "max"
            problems.append(Problem("mode", sweep.mode, f"{better} {name} is better", f"use {right}"))
        else:
            rule = f"{better} {name} is better, and this weight with mode: {sweep.mode} asks for the contrary"
            problems.append(Problem(path, weight, rule, f"use {-weight:g}"))
    return problems


def _of_validations(sweep: SweepConfig, run: RunConfig) -> list[Problem]:
    """Whether a trial is validated on its way."""
    every, steps = run.validation.every_steps, sweep.budget.steps
    if steps is not None and every > steps:
        rule = f"ends before the first validation, at step {every}"
        return [Problem("budget.steps", steps, rule, f"use {every} or more, or set: validation.every_steps")]
    return []


def _of_values(sweep: SweepConfig, run: RunConfig, key: str, known: set[str]) -> list[Problem]:
    """The recipe's objections to the values of one key, each said once; not what is `known` of all trials."""
    told: dict[str, Problem] = {}
    values = sweep.space[key]
    for number, value in enumerate(values.probes()):
        if told and values.choice is None and number > 1:
            break  # an end is refused: what lies between says no more
        try:
            trial_run(sweep, run, {key: value})
        except ConfigError as error:
            for problem in error.problems:
                if problem.rule in known:
                    continue
                rule = problem.rule if problem.path == key else f"{value}: {problem.path} {problem.rule}"
                told.setdefault(rule, Problem(f"space.{key}", value, rule, problem.mend))
    return list(told.values())
