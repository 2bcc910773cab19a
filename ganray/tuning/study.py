"""All that is known of a sweep, and the folder that it is kept in: `sweep.json`, `best_recipe.yaml`, a page."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganray.config import RunConfig
from ganray.config.documents import dump_yaml
from ganray.config.sweep import SweepConfig
from ganray.errors import DataError
from ganray.metrics.intervals import student
from ganray.models import load_run
from ganray.tuning import heard, report
from ganray.tuning.board import Board, Row, Tried
from ganray.tuning.trials import samples, tuned

VERSION = 2
"""Schema of `sweep.json`."""


@dataclass
class Study:
    """A sweep and what came of it so far.

    Attributes:
        folder: Its folder.
        sweep: What was asked.
        run: The recipe that the trials vary, with the sweep's `set`.
        dataset: {"path", "digest"}.
        board: What the trials gave.
        scale: What the measures say of no network's sounds: {"recording", "griffin_lim"} → measure → mean.
        generation: Of a population: those that are over.
    """

    folder: Path
    sweep: SweepConfig
    run: RunConfig
    dataset: dict[str, str]
    board: Board
    scale: dict[str, dict[str, float]] = field(default_factory=dict)
    generation: int = 0

    @classmethod
    def new(cls, folder: Path, sweep: SweepConfig, run: RunConfig, dataset: dict[str, str]) -> "Study":
        """With a row for every trial of the search."""
        study = cls(folder, sweep, run, dataset, Board([], sweep.score, sweep.mode))
        for sample in samples(sweep):
            for seed in sweep.seeds or (None,):
                study.add(sample, seed)
        return study

    @property
    def trials(self) -> Path:
        """The folder of the trials' runs."""
        return self.folder / "trials"

    def add(self, config: dict[str, Any], seed: int | None, **more: Any) -> None:
        """One more trial."""
        name = f"{len(self.board.rows):02}"
        self.board.rows.append(Row(name, dict(config), str(self.trials / name), seed, **more))

    def to_confirm(self) -> None:
        """Add the trials that train the best once more, and the recipe's own values, if they are not there."""
        its = self.sweep.confirm
        if its is None or any(row.part == "confirm" for row in self.board.rows):
            return
        chosen = [one.config for one in self.board.tried("search")[: its.best]]
        for config in [*chosen, {}]:
            for seed in its.seeds:
                self.add(config, seed, part="confirm")

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        if self.sweep.scheduler.type == "pbt":
            return self.generation >= self.sweep.scheduler.generations
        confirmed = self.sweep.confirm is None or any(row.part == "confirm" for row in self.board.rows)
        return confirmed and not any(row.goes_on for row in self.board.rows)

    def keep(self, document: dict[str, Any] | None = None) -> None:
        """Write `sweep.json`: all that is known so far, from which the sweep can be taken up again."""
        kept = {
            "schema_version": VERSION,
            "config": self.sweep.model_dump(mode="json"),
            "recipe": self.run.model_dump(mode="json"),
            "dataset": self.dataset,
            "generation": self.generation,
            "scale": self.scale,
            "trials": [row.document() for row in self.board.rows],
        }
        _write(self.folder / "sweep.json", json.dumps(kept | (document or {}), indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Study":
        """What a sweep's folder holds.

        Raises:
            DataError: There is no sweep, or it is of another ganray.
        """
        try:
            document = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
            if document.get("schema_version") != VERSION:
                raise DataError(f"the sweep at {folder} is of another ganray", mend="start it anew")
            rows = [Row(**trial) for trial in document["trials"]]
            for row in rows:
                row.history = [(int(step), float(value)) for step, value in row.history]
            sweep = SweepConfig.model_validate(document["config"])
            board = Board(rows, sweep.score, sweep.mode)
            run = load_run(document["recipe"])
            return cls(folder, sweep, run, document["dataset"], board, document["scale"], document["generation"])
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DataError(
                f"there is no sweep at {folder}: {error}", mend="give a folder that ganray tune made"
            ) from error

    def write(self) -> dict[str, Any]:
        """Write everything.

        Returns:
            The document: `sweep`, `trials`, `best`, `best_recipe`, `report`, `confirmed`, `scale`, `cost`, `ab` (the
            page of a blind test, or None).
        """
        best, recipe = self.board.best, None
        if best is not None:
            recipe = self.folder / "best_recipe.yaml"
            _write(recipe, self.best_recipe())
        document = {
            "sweep": str(self.folder),
            "trials": [row.document() for row in self.board.rows],
            "best": best and best.document(),
            "best_recipe": recipe and str(recipe),
            "confirmed": [
                {"config": one.config, "values": one.values} | student(one.values).as_json()
                for one in self.board.tried("confirm")
            ],
            "scale": self.scale,
            "cost": report.cost(self.sweep, self.run, self.board),
            "report": str(self.folder / "report" / "index.html"),
            "ab": None,
        }
        if blind := heard.blind_test(self.board, self.folder / "report" / "ab"):
            document["ab"] = str(blind)
        page = report.page(
            self.sweep, self.run, self.board, self.dataset, self.scale, "ab/index.html" if blind else None
        )
        page.write(Path(str(document["report"])))
        _write(self.folder / "report" / "report.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        self.keep(document)
        return document

    def best_recipe(self) -> str:
        """The winner as a recipe: every key written out, the length of training that of the sweep's own recipe."""
        best, winner, sweep = self.board.best, self.board.winner, self.sweep
        assert best is not None, "asked for the best of a sweep without scores"
        assert winner is not None
        document = load_run(tuned(self.run, best.config) | {"name": f"{sweep.name}-best"}).model_dump(mode="json")
        tried = ", ".join(f"{key} = {value}" for key, value in best.config.items())
        budget = " and ".join(f"{value:g} {name}" for name, value in sweep.budget.model_dump().items() if value)
        num = len(self.board.tried("search"))
        header = [
            f"{sweep.name}-best: {sweep.recipe} with the best values of a sweep of {num} samples.",
            "",
            f"From:      {self.folder}, trial {best.id}",
            f"Tried:     {tried or 'nothing better than the values of the recipe itself'}",
            f"Gave:      {self.board.metric} {_gave(winner)} within {budget}",
            *_changed(best),
            "Departs:   schedule and resources are the recipe's, not the sweep's budget",
            "Command:   ganray train best_recipe.yaml --data DATASET",
        ]  # fmt: skip
        return "".join(f"# {line}".rstrip() + "\n" for line in header) + dump_yaml(document)


def _changed(best: Row) -> list[str]:
    """Of a population's member: that its last values are not the whole story."""
    if not best.moves[1:]:
        return []
    return ["           Its values changed on the way, as sweep.json tells; the trial itself is a run to export"]


def _gave(winner: Tried) -> str:
    if len(winner.values) < 2:
        return f"{winner.mean:.4f} at best,"
    sure = student(winner.values)
    return f"{sure.mean:.4f} ({sure.low:.4f} to {sure.high:.4f} over {sure.num} seeds)"


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.rename(path)
