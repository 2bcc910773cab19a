"""A run's folder, here or in storage: everything a training leaves behind, and all it needs to go on.

run.yaml             the whole resolved config, and the dataset's digest
metrics.jsonl        one line every log.every_steps, TensorBoard files beside it
checkpoints/         step-000500.pt, … each whole: written beside, then renamed
leaderboard.json     every checkpoint's held-out scores
samples/             held-out clips as the averaged generator says them
"""

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from ganray.config import RunConfig, read_yaml
from ganray.config.load import dump_yaml
from ganray.data.storage import is_remote, place
from ganray.errors import DataError, HeldError, UsageError
from ganray.gan.away import Away
from ganray.gan.fence import Fence
from ganray.gan.mirror import PATIENCE_S
from ganray.gan.state import GanState
from ganray.models import load_run

SCHEMA_VERSION = 1


class Run:
    """A run's folder, opened. `Run.create` makes one, `Run.open` finds one.

    Attributes:
        where: The folder's path, or its URI: what another process opens it by.
        path: The folder; of a run in storage, this process's own copy.
        config: The resolved config.
        dataset: {"path", "digest"} of what it learns from.
        away: The way to storage; None for a run in a folder.
        fence: What keeps all but the newest writer out; None for who only reads.
    """

    fence: Fence | None = None

    def __init__(self, path: Path, config: RunConfig, dataset: dict[str, str], away: Away | None = None) -> None:
        self.path, self.config, self.dataset, self.away = path, config, dataset, away
        self.where = away.uri if away else str(path)

    @classmethod
    def create(cls, where: str | Path, config: RunConfig, dataset: dict[str, str]) -> "Run":
        """Make a run's folder.

        Args:
            where: A path, or a URI of storage.
            config: Resolved.
            dataset: {"path", "digest"}.

        Raises:
            UsageError: There is a run of this name already.
            DataError: The storage does not answer.
        """
        where = place(where)
        away = Away(where) if is_remote(where) else None
        path = away.folder if away else Path(where)
        if (path / "run.yaml").exists() or (away and "run.yaml" in away.names):
            raise UsageError(
                f"there is a run at {where} already", mend=f"go on with it by --resume {where}, or give another --name"
            )
        (path / "checkpoints").mkdir(parents=True, exist_ok=True)
        run = cls(path, config, dataset, away)
        run.write_config()
        return run

    @classmethod
    def open(cls, where: str | Path) -> "Run":
        """Open a run's folder, by its path or its URI.

        Raises:
            DataError: There is none, it is of a newer ganray, or the storage does not answer.
        """
        where = place(where)
        away = Away(where) if is_remote(where) else None
        if away:
            away.fetch_small()
        path = away.folder if away else Path(where)
        if not (path / "run.yaml").is_file():
            raise DataError(f"no run at {where}: there is no run.yaml", mend="give what ganray train printed")
        document = read_yaml(path / "run.yaml")
        version = document.pop("schema_version", None)
        if version != SCHEMA_VERSION:
            raise DataError(
                f"the run at {where} has another schema_version", got=version, want=SCHEMA_VERSION, mend="update ganray"
            )
        dataset = document.pop("dataset")
        return cls(path, load_run(document), dataset, away)

    def guard(self, fence: Fence) -> None:
        """Be its writer: whoever was it before finds out before it writes again."""
        self.fence = fence
        if self.away:
            self.away.first = fence.look

    def hold(self) -> None:
        """Go on only as the run's newest writer. In storage this is looked at before anything is sent, not here.

        Raises:
            HeldError: There is a newer one.
        """
        if self.fence:
            (self.fence.hold if self.away else self.fence.look)()

    def write_config(self) -> None:
        """Write run.yaml."""
        document = {"schema_version": SCHEMA_VERSION, "dataset": self.dataset, **self.config.model_dump(mode="json")}
        write_text(self.path / "run.yaml", dump_yaml(document))
        if self.away:
            self.away.put_now(self.path / "run.yaml")

    def send(self) -> None:
        """Send what was written to storage, in the background; nothing to do for a run in a folder."""
        if self.away:
            self.away.send()

    def close(self, patience_s: float = PATIENCE_S) -> None:
        """Wait until storage has all that was written, at most `patience_s`."""
        if self.away:
            self.away.close(patience_s)

    def steps(self) -> list[int]:
        """Steps of the checkpoints there are, oldest first."""
        here = {int(path.stem.removeprefix("step-")) for path in (self.path / "checkpoints").glob("step-*.pt")}
        return sorted(here | self.away.steps if self.away else here)

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
        try:
            self.hold()
        except HeldError:
            beside.unlink()
            raise
        beside.rename(path)
        self.send()

    def load(self, step: int, device: torch.device | str = "cpu") -> dict[str, Any]:
        """A checkpoint's content. Nothing in it is executed.

        Raises:
            DataError: There is none of this step, or it can't be read.
        """
        path = self.checkpoint(step)
        try:
            with self.away.fetched(path) if self.away else contextlib.nullcontext(path):
                return torch.load(path, map_location=device, weights_only=True)
        except DataError:
            raise
        except FileNotFoundError as error:
            raise DataError(
                f"the run at {self.where} has no checkpoint of step {step}",
                mend=f"use one of {', '.join(map(str, self.steps())) or '(there is none yet)'}",
            ) from error
        except Exception as error:
            raise DataError(f"cannot read {path}: {error}") from error

    def leaderboard(self) -> list[dict[str, Any]]:
        """[{"step", "scores"}], every validation so far, oldest first."""
        path = self.path / "leaderboard.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []

    def enter(self, step: int, scores: dict[str, float]) -> None:
        """Put a validation's scores on the leaderboard."""
        self.hold()
        rows = [row for row in self.leaderboard() if row["step"] != step]
        rows = sorted([*rows, {"step": step, "scores": scores}], key=lambda row: row["step"])
        write_text(self.path / "leaderboard.json", json.dumps(rows, indent=1))
        self.send()

    def forget(self, after: int) -> None:
        """Remove what came after a step: a part of the run that went wrong."""
        self.hold()
        write_text(self.path / "leaderboard.json", json.dumps([r for r in self.leaderboard() if r["step"] <= after]))
        for step in self.steps():
            if step > after:
                self._remove(step)

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
                self._remove(step)

    def _remove(self, step: int) -> None:
        self.checkpoint(step).unlink(missing_ok=True)
        if self.away:
            self.away.steps.discard(step)
            self.away.remove(self.checkpoint(step))

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
