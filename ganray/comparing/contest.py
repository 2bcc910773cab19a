"""What makes a comparison fair: every recipe as it is, but for what all must share."""

from collections.abc import Sequence
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
        recipes: Names in the box or YAML files.
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
            own = load_run(recipe)
            if condition_of(own.generator.type) != "mel":
                raise UsageError(f"{recipe} does not speak from a mel", mend="compare recipes of mel generators")
            document = own.model_dump(mode="json")
            document |= {"audio": audio.model_dump(mode="json")}
            document["schedule"] |= {"max_minutes": minutes, "max_steps": steps}
            if first is None:
                first = document
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


def _new(name: str, taken: Sequence[str]) -> str:
    """`name`, or with a number behind it where it is taken."""
    names = [name, *(f"{name}-{number}" for number in range(2, len(taken) + 2))]
    return next(one for one in names if one not in taken)
