"""The report: every number of every clip in `report.json`, and a page beside it that a person can open."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ganray.evaluating.against import Against
from ganray.evaluating.scorer import OTHERS, ClipScores, Failure
from ganray.metrics import MEASURES
from ganray.metrics.frechet import frechet
from ganray.metrics.intervals import Interval, bootstrap

VERSION = 1
"""Schema of `report.json`."""
ROWS = {
    "voice": "the voice",
    "recording": "recording",
    "copy": "its vocoder, of the recording",
    "world": "WORLD",
    "griffin_lim": "Griffin-Lim",
    "noise": "white noise",
}
"""Rows in reading order, as a person calls them."""


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        folder: Where `report.json` and `index.html` lie.
        about: What was judged: `voice`, `dataset`, `audio`, `seed`, `times_real_time`, …
        rows: Row (`voice` and those of the scale) → measure → interval over the clips.
        per_clip: The scores of every clip, in the split's order.
        failures: Every number that is missing, with the reason.
        against: How it compares with another report, where there is one.
    """

    folder: Path
    about: Mapping[str, Any]
    rows: Mapping[str, Mapping[str, Interval]]
    per_clip: Sequence[ClipScores]
    failures: Sequence[Failure]
    against: Against | None = None

    @property
    def clips(self) -> int:
        """How many clips were judged."""
        return len(self.per_clip)

    @property
    def page(self) -> Path:
        """The page that a person can open."""
        return self.folder / "index.html"

    @property
    def scores(self) -> dict[str, dict[str, Any]]:
        """{measure: {mean, low, high, num}} of the voice."""
        return _as_json(self.rows["voice"])

    @property
    def scale(self) -> dict[str, dict[str, dict[str, Any]]]:
        """{row: {measure: {mean, low, high, num}}} of what the voice is read beside."""
        return {row: _as_json(values) for row, values in self.rows.items() if row != "voice"}

    def as_json(self) -> dict[str, Any]:
        """The document that `--json` prints."""
        return {
            **self.about,
            "clips": self.clips,
            "scores": self.scores,
            "scale": self.scale,
            "failed": [failure.__dict__ for failure in self.failures],
            **({"against": self.against.as_json()} if self.against else {}),
            "page": str(self.page),
            "report": str(self.folder / "report.json"),
        }

    def write(self) -> None:
        """Write `report.json`: beside, then renamed."""
        document = {"schema_version": VERSION, "kind": "report", **self.as_json(), "page": "index.html"}
        del document["report"]
        document["measures"] = {
            name: {key: getattr(MEASURES[name], key) for key in ("unit", "better", "source")}
            for name in self.about["measures"]
        }
        document["per_clip"] = [
            {"id": clip.id, "text": clip.text, "seconds": clip.seconds, "scores": _rounded(clip.rows)}
            for clip in self.per_clip
        ]
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f".report.json.{os.getpid()}"
        beside.write_text(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        beside.replace(self.folder / "report.json")


def summarise(clips: Sequence[ClipScores], measures: Sequence[str], seed: int) -> dict[str, dict[str, Interval]]:
    """Row → measure → interval over the clips; a measure that a row doesn't have at all is left out."""
    return {row: dict(_intervals(clips, row, measures, seed)) for row in ROWS if any(row in c.rows for c in clips)}


def _intervals(
    clips: Sequence[ClipScores], row: str, measures: Sequence[str], seed: int
) -> Iterator[tuple[str, Interval]]:
    failed = {(failure.row, failure.measure) for clip in clips for failure in clip.failures}
    for name in measures:
        if MEASURES[name].of == "set":
            ours, theirs = ([one for clip in clips for one in clip.embedded.get(key, [])] for key in (row, OTHERS))
            if ours:
                yield name, frechet(ours, theirs, seed)
            continue
        values = [clip.rows[row][name] for clip in clips if name in clip.rows.get(row, {})]
        if values or (row, name) in failed:
            yield name, bootstrap(values, seed)


def _as_json(values: Mapping[str, Interval]) -> dict[str, dict[str, Any]]:
    return {name: {k: v if v is None else round(v, 5) for k, v in i.as_json().items()} for name, i in values.items()}


def _rounded(rows: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {row: {name: float(np.round(value, 5)) for name, value in values.items()} for row, values in rows.items()}
