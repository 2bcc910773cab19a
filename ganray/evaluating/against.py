"""A report against another of the same clips: which is better, and whether one is worse than it was."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganray.errors import DataError, GanrayError, Problem
from ganray.metrics import MEASURES
from ganray.metrics.intervals import LEVEL
from ganray.metrics.paired import Paired, paired

FEWEST = 6
"""Clips below which nothing is beyond chance."""


class WorseError(GanrayError):
    """A voice is worse than a kept one, beyond chance."""


@dataclass(frozen=True)
class Against:
    """One report against another.

    Attributes:
        name: Of the other's voice.
        digest: Of it.
        differences: Measure → this minus the other, clip by clip. The intervals hold for all measures together.
        lost: Measure → clips of which the other has a number and this one doesn't.
    """

    name: str
    digest: str
    differences: Mapping[str, Paired] = field(default_factory=dict)
    lost: Mapping[str, int] = field(default_factory=dict)

    def verdict(self, measure: str) -> str:
        """`better`, `worse`, `as good` (by chance, or too little to matter), or `neither` for what only describes."""
        found, known = self.differences[measure], MEASURES[measure]
        if known.better == "neither":
            return "neither"
        up = found.mean if known.better == "higher" else -found.mean
        sure = found.num >= FEWEST and (found.low > 0 or found.high < 0)
        if not sure or abs(found.mean) <= known.margin:
            return "as good"
        return "better" if up > 0 else "worse"

    @property
    def worse(self) -> list[str]:
        """Measures in which this one is worse, beyond chance and by more than what matters; or can't be taken."""
        return [name for name in self.differences if self.verdict(name) == "worse"] + [
            name for name, count in self.lost.items() if count and MEASURES[name].better != "neither"
        ]

    def as_json(self) -> dict[str, Any]:
        """The part of a report about it."""
        return {
            "voice": self.name,
            "digest": self.digest,
            "worse": self.worse,
            "differences": {n: d.as_json() | {"verdict": self.verdict(n)} for n, d in self.differences.items()},
            "lost": dict(self.lost),
        }

    def gate(self) -> None:
        """Refuse what is worse.

        Raises:
            WorseError: With every measure in which it is.
        """
        problems = []
        for name in self.worse:
            if self.lost.get(name):
                told = f"{self.lost[name]} clips have no number any more"
                problems.append(Problem(f"scores.{name}", None, told, "the report says why"))
                continue
            found = self.differences[name]
            told = (
                f"worse by {abs(found.mean):.4g} on {found.num} clips (interval {found.low:+.4g} to {found.high:+.4g}, "
                f"p = {found.p_value:.2g}), more than chance and than the {MEASURES[name].margin:g} that don't matter"
            )
            mend = "hear the clips on the page; keep this report as the baseline if that is meant"
            problems.append(Problem(f"scores.{name}", round(found.mean, 5), told, mend))
        if problems:
            raise WorseError(f"the voice is worse than its baseline {self.name}", problems=problems)


def compare(ours: Mapping[str, Any], theirs: Mapping[str, Any], seed: int = 0) -> Against:
    """Compare two `report.json` documents, the voice of each, on the clips that both have.

    With m measures the intervals hold at 1 - 0.05 / m each (Bonferroni), so that a voice that is no worse is called
    worse in at most one comparison of twenty, however much is measured.

    Raises:
        DataError: They have no clip in common.
    """
    mine, other = _values(ours), _values(theirs)
    shared = [name for name in mine if name in other]
    if not any(mine[name].keys() & other[name].keys() for name in shared):
        raise DataError(
            "the two reports have no clip and measure in common",
            ours=f"{ours['dataset']['name']} {ours['dataset']['split']}: {', '.join(mine)}",
            theirs=f"{theirs['dataset']['name']} {theirs['dataset']['split']}: {', '.join(other)}",
            mend="evaluate both on the same split of the same dataset",
        )
    level = 1 - (1 - LEVEL) / len(shared)
    heard = {clip["id"] for clip in ours["per_clip"]}
    return Against(
        theirs["voice"]["name"],
        theirs["voice"]["digest"],
        {name: paired(mine[name], other[name], level=level, seed=seed) for name in shared},
        {name: len((other[name].keys() & heard) - mine[name].keys()) for name in shared},
    )


def read_report(where: str | Path) -> dict[str, Any]:
    """A `report.json`, by its path or its folder's.

    Raises:
        DataError: There is none, or it is of a newer ganray.
    """
    path = Path(where)
    path = path / "report.json" if path.is_dir() else path
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"no report at {where}: {error}", mend="make one: ganray evaluate VOICE --out DIR") from error
    if document.get("kind") != "report" or document.get("schema_version") != 1:
        raise DataError(
            f"{where} is no report that this ganray can read",
            got=f"{document.get('kind')} {document.get('schema_version')}",
            want="report 1",
        )
    return document


def _values(document: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Measure → clip → value of the voice."""
    found: dict[str, dict[str, float]] = {name: {} for name in document["measures"] if name in MEASURES}
    found = {name: its for name, its in found.items() if MEASURES[name].of == "clip"}
    for clip in document["per_clip"]:
        for name, value in clip["scores"].get("voice", {}).items():
            if name in found:
                found[name][clip["id"]] = value
    return found
