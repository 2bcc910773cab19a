"""What makes a comparison fair: every recipe as it is, but for what all must share."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganray.config import AudioConfig, RunConfig
from ganray.config.documents import count_of
from ganray.errors import ConfigError, Problem, UsageError
from ganray.models import load_run
from ganray.models.registry import condition_of

SHARED = ("seed", "data", "validation", "checkpoint", "log", "resources")
"""Groups of keys that all have from the first recipe: the same samples in the same order, judged and kept alike."""
JUDGES = ("discriminators", "objective")
"""With `same_discriminators`, these too."""


def contestants(
    recipes: Sequence[str],
    audio: AudioConfig,
    overrides: Sequence[str] = (),
    *,
    minutes: float | None = None,
    steps: int | None = None,
    same_discriminators: bool = False,
) -> list[RunConfig]:
    """The runs that are compared, each under a name of its own.

    Args:
        recipes: Names in the box or YAML files, each with settings of its own behind it: `vocos generator.prior=true`.
        audio: The dataset's contract, which all of them get.
        overrides: `--set` texts, for all of them.
        minutes: Of training, each.
        steps: Updates, each.
        same_discriminators: Give all of them the first one's judges and objective.

    Raises:
        ConfigError: A recipe does not hold with what it must share; every problem is named.
        UsageError: Fewer than two recipes, no budget, or one that does not speak from a mel.
    """
    if len(recipes) < 2:
        raise UsageError(
            "a comparison needs two recipes or more", mend="ganray compare vocos_small source_filter_small …"
        )
    if minutes is None and steps is None:
        raise UsageError("when does each training end?", mend="give --minutes, --steps, or both")
    first: dict[str, Any] | None = None
    found: list[RunConfig] = []
    problems: list[Problem] = []
    for recipe in recipes:
        try:
            which, settings = _split(recipe)
            own = load_run(which, settings)
            if condition_of(own.generator.type) != "mel":
                raise UsageError(f"{recipe} does not speak from a mel", mend="compare recipes of mel generators")
            document = own.model_dump(mode="json")
            document |= {"audio": audio.model_dump(mode="json")}
            document["schedule"] |= {"max_minutes": minutes, "max_steps": steps}
            if first is None:
                first = document
            else:
                problems += _not_its_own(recipe, settings, (*SHARED, *(JUDGES if same_discriminators else ())))
            document |= {key: first[key] for key in SHARED}
            if same_discriminators:
                document |= {key: first[key] for key in JUDGES}
            document["name"] = _new(document["name"], [run.name for run in found])
            found.append(load_run(document, overrides))
        except ConfigError as error:
            told = error.problems or [Problem("", None, error.message, error.mend)]
            problems += [Problem(f"{recipe}: {p.path}", p.value, p.rule, p.mend) for p in told]
    if problems:
        raise ConfigError(count_of(problems, "what is compared"), problems=problems)
    return found


def _split(recipe: str) -> tuple[str, list[str]]:
    """A recipe and the settings behind it."""
    if Path(recipe).is_file():  # whose name may have spaces
        return recipe, []
    try:
        which, *settings = shlex.split(recipe) or [recipe]
    except ValueError as error:
        raise UsageError(f"cannot read {recipe!r}: {error}", mend="RECIPE KEY=VALUE …, quoted as in a shell") from error
    return which, settings


def _not_its_own(recipe: str, settings: Sequence[str], shared: Sequence[str]) -> list[Problem]:
    """Settings that would be lost, for all share the first recipe's."""
    mend = "give it to the first recipe, or by --set"
    return [
        Problem(f"{recipe}: {key}", value, "is the first recipe's, for all", mend)
        for key, _, value in (text.partition("=") for text in settings)
        if key.split(".")[0] in shared
    ]


def _new(name: str, taken: Sequence[str]) -> str:
    """`name`, or with a number behind it where it is taken."""
    names = [name, *(f"{name}-{number}" for number in range(2, len(taken) + 2))]
    return next(one for one in names if one not in taken)
