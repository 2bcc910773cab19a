"""Every error a user can meet, and the exit code it becomes.

    GanrayError                 1   anything else
    ├── UsageError              2   what the user typed
    │   └── ConfigError         2   a config, with every problem at once
    ├── HeldError               1   another training writes the run
    ├── PlacementError          3   it will never fit the cluster
    ├── DataError               4   recordings, datasets, runs, voices
    │   └── AudioContractError  4   two artifacts disagree about what a mel is
    └── DivergedError           5   training went wrong

An error says what, where, what was allowed and how to mend it. All of them survive pickling, so they cross Ray whole.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, in the words that help to mend it."""

    path: str
    value: Any
    rule: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.path:<26} {self.rule}" + (f"; {self.mend}" if self.mend else "")


class GanrayError(Exception):
    """What went wrong, with named facts (`path=`, `got=`, `want=`, …) and the mend.

    Args:
        message: What happened, in one line.
        mend: What to do about it.
        problems: The single problems, where there are several.
        **facts: Values worth naming, shown after the message.
    """

    exit_code = 1

    def __init__(self, message: str, *, mend: str = "", problems: Sequence[Problem] = (), **facts: Any) -> None:
        super().__init__(message)
        self.message, self.mend, self.problems, self.facts = message, mend, list(problems), facts

    def __reduce__(self) -> tuple:
        return _rebuild, (type(self), self.message, self.mend, self.problems, self.facts)

    def __str__(self) -> str:
        text = self.message
        if self.facts:
            text += " (" + ", ".join(f"{name} {value}" for name, value in self.facts.items()) + ")"
        if self.mend:
            text += f"; {self.mend}"
        return "\n".join([text, *(f"  {problem}" for problem in self.problems)])

    def as_json(self) -> dict[str, Any]:
        """The error document that `--json` prints."""
        problems = [asdict(problem) for problem in self.problems]
        if not problems and (self.facts or self.mend):
            problems = [
                Problem(str(self.facts.get("path", "")), self.facts.get("got"), self.message, self.mend).__dict__
            ]
        return {"error": {"type": type(self).__name__, "message": str(self).split("\n")[0], "problems": problems}}


def _rebuild(kind: type[GanrayError], message: str, mend: str, problems: list[Problem], facts: dict) -> GanrayError:
    return kind(message, mend=mend, problems=problems, **facts)


class UsageError(GanrayError):
    """The user asked for something that can't be."""

    exit_code = 2


class ConfigError(UsageError):
    """A config that breaks its schema or its rules; `problems` holds all of them."""


class HeldError(GanrayError):
    """Another training writes the run: a run has one writer."""


class PlacementError(GanrayError):
    """The cluster can never hold what was asked for."""

    exit_code = 3


class DataError(GanrayError):
    """Recordings, a dataset, a run or a voice that can't be used."""

    exit_code = 4


class AudioContractError(DataError):
    """Two artifacts disagree about what a mel spectrogram is."""


class DivergedError(GanrayError):
    """Training left the road and could not be brought back."""

    exit_code = 5
