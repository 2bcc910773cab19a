"""A sweep read from its file, and tried on its recipe: everything that is wrong with it is told at once."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from ganray.config import RunConfig, read_yaml, recipe_path
from ganray.config.documents import apply_overrides, count_of, parse_yaml, set_path
from ganray.config.problems import examine
from ganray.config.sweep import SweepConfig
from ganray.config.sweep_rules import sweep_rules
from ganray.errors import ConfigError, Problem
from ganray.models import load_run
from ganray.tuning.agreement import clashes, disagreements


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
    document, others = _with_keys(source, overrides)
    sweep, problems = examine(SweepConfig, apply_overrides(document, others))
    run = None
    if sweep is not None:
        problems += _new(sweep_rules(sweep), problems)
        if not _touches("recipe", problems):
            run, refused = _recipe(sweep)
            problems += _new(refused, problems)
    if sweep is not None and run is not None:
        sound = [key for key in sweep.space if not _touches(f"space.{key}", problems)]
        problems += _new(disagreements(sweep, run, sound), problems)
        # What is refused by itself would be refused again in every sample.
        problems = problems or clashes(sweep, run)
    if problems or sweep is None or run is None:
        raise ConfigError(count_of(problems, name + (" with --set" if overrides else "")), problems=problems)
    return sweep, run


def _recipe(sweep: SweepConfig) -> tuple[RunConfig | None, list[Problem]]:
    """The recipe with the sweep's `set`, without the keys of it that are refused, and what is wrong with them.

    None where the recipe can't be read, or is refused by itself.
    """
    try:
        document = read_yaml(recipe_path(sweep.recipe))
    except ConfigError as error:
        return None, [Problem("recipe", sweep.recipe, error.message, error.mend)]
    problems, kept = [], deepcopy(document)
    for key, value in sweep.set.items():
        if problem := set_path(document, key, value):
            problems.append(Problem(f"set.{key}", value, problem.rule, problem.mend))
    try:
        return load_run(document), problems
    except ConfigError as error:
        for told in error.problems:
            its = next((key for key in sweep.set if told.path == key or told.path.startswith(f"{key}.")), None)
            problems.append(Problem(f"set.{told.path}" if its else told.path, told.value, told.rule, told.mend))
    for key, value in sweep.set.items():
        if not _touches(f"set.{key}", problems):
            set_path(kept, key, value)
    try:
        return load_run(kept), problems
    except ConfigError:
        return None, problems


def _new(found: Sequence[Problem], told: Sequence[Problem]) -> list[Problem]:
    """Those that are no echo of what is told already, of the same place, of its parts or of its whole."""
    return [problem for problem in found if not _touches(problem.path, told)]


def _touches(path: str, told: Sequence[Problem]) -> bool:
    """Whether something was told of this place, of a part of it, or of what it is a part of."""
    return any(
        path == other.path or path.startswith(f"{other.path}.") or other.path.startswith(f"{path}.") for other in told
    )


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
