"""A run's folder: everything a training leaves behind, and all it needs to go on.

run.yaml             the whole resolved config, and the dataset's digest
metrics.jsonl        one line every log.every_steps, TensorBoard files beside it
checkpoints/         step-000500.pt, … each whole: written beside, then renamed
leaderboard.json     every checkpoint's held-out scores
samples/             held-out clips as the averaged generator says them
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from ganray.config import RunConfig, read_yaml
from ganray.config.load import dump_yaml
from ganray.errors import DataError, UsageError
from ganray.gan.state import GanState
from ganray.models import load_run

SCHEMA_VERSION = 1


class Run:
    """A run's folder, opened. `Run.create` makes one, `Run.open` finds one.

    Attributes:
        path: The folder.
        config: The resolved config.
        dataset: {"path", "digest"} of what it learns from.
    """

    def __init__(self, path: Path, config: RunConfig, dataset: dict[str, str]) -> None:
        self.path, self.config, self.dataset = path, config, dataset

    @classmethod
    def create(cls, path: str | Path, config: RunConfig, dataset: dict[str, str]) -> "Run":
        """Make a run's folder.

        Raises:
            UsageError: There is a run of this name already.
        """
        path = Path(path).absolute()
        if (path / "run.yaml").exists():
            raise UsageError(
                f"there is a run at {path} already", mend=f"go on with it by --resume {path}, or give another --name"
            )
        (path / "checkpoints").mkdir(parents=True, exist_ok=True)
        run = cls(path, config, dataset)
        run.write_config()
        return run

    @classmethod
    def open(cls, path: str | Path) -> "Run":
        """Open a run's folder.

        Raises:
            DataError: There is none, or it is of a newer ganray.
        """
        path = Path(path).absolute()
        if not (path / "run.yaml").is_file():
            raise DataError(f"no run at {path}: there is no run.yaml", mend="give the folder that ganray train printed")
        document = read_yaml(path / "run.yaml")
        version = document.pop("schema_version", None)
        if version != SCHEMA_VERSION:
            raise DataError(
                f"the run at {path} has another schema_version", got=version, want=SCHEMA_VERSION, mend="update ganray"
            )
        dataset = document.pop("dataset")
        return cls(path, load_run(document), dataset)

    def write_config(self) -> None:
        """Write run.yaml."""
        document = {"schema_version": SCHEMA_VERSION, "dataset": self.dataset, **self.config.model_dump(mode="json")}
        write_text(self.path / "run.yaml", dump_yaml(document))

    def steps(self) -> list[int]:
        """Steps of the checkpoints there are, oldest first."""
        return sorted(int(path.stem.removeprefix("step-")) for path in (self.path / "checkpoints").glob("step-*.pt"))

    def checkpoint(self, step: int) -> Path:
        """Path of the checkpoint of a step."""
        return self.path / "checkpoints" / f"step-{step:07d}.pt"

    def save(self, state: GanState) -> None:
        """Write a checkpoint: whole, or not there."""
        path = self.checkpoint(state.step)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        with open(beside, "wb") as file:
            torch.save(state.state_dict(), file)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)

    def load(self, step: int, device: torch.device | str = "cpu") -> dict[str, Any]:
        """A checkpoint's content. Nothing in it is executed.

        Raises:
            DataError: There is none of this step, or it can't be read.
        """
        try:
            return torch.load(self.checkpoint(step), map_location=device, weights_only=True)
        except FileNotFoundError as error:
            raise DataError(
                f"the run at {self.path} has no checkpoint of step {step}",
                mend=f"use one of {', '.join(map(str, self.steps())) or '(there is none yet)'}",
            ) from error
        except Exception as error:
            raise DataError(f"cannot read {self.checkpoint(step)}: {error}") from error

    def leaderboard(self) -> list[dict[str, Any]]:
        """[{"step", "scores"}], every validation so far, oldest first."""
        path = self.path / "leaderboard.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []

    def enter(self, step: int, scores: dict[str, float]) -> None:
        """Put a validation's scores on the leaderboard."""
        rows = [row for row in self.leaderboard() if row["step"] != step]
        rows = sorted([*rows, {"step": step, "scores": scores}], key=lambda row: row["step"])
        write_text(self.path / "leaderboard.json", json.dumps(rows, indent=1))

    def forget(self, after: int) -> None:
        """Remove what came after a step: a part of the run that went wrong."""
        write_text(self.path / "leaderboard.json", json.dumps([r for r in self.leaderboard() if r["step"] <= after]))
        for step in self.steps():
            if step > after:
                self.checkpoint(step).unlink(missing_ok=True)

    def remove_old(self, better: str, keep: Iterable[int] = ()) -> None:
        """Keep the newest and the best checkpoints, as the config says.

        Args:
            better: `lower` or `higher`: which way checkpoint.measure goes.
            keep: Steps that stay in any case.
        """
        for half in (self.path / "checkpoints").glob(".step-*"):  # from a kill in the middle of writing
            if not half.name.endswith(f".{os.getpid()}"):
                half.unlink(missing_ok=True)
        its = self.config.checkpoint
        steps = self.steps()
        kept = {*keep, *steps[-its.keep_last :], *self.best_steps(better)[: its.keep_best]}
        for step in steps:
            if step not in kept:
                self.checkpoint(step).unlink(missing_ok=True)

    def best_steps(self, better: str) -> list[int]:
        """Steps that have a checkpoint and a score, the best first."""
        measure, there = self.config.checkpoint.measure, set(self.steps())
        rows = [row for row in self.leaderboard() if row["step"] in there and measure in row["scores"]]
        rows.sort(key=lambda row: row["scores"][measure], reverse=better == "higher")
        return [row["step"] for row in rows]


def write_text(path: Path, text: str) -> None:
    """Write a small file beside, then rename it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.rename(path)
