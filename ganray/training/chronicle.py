"""All that a worker tells: to files in the run's folder, and to the board that the driver watches.

It is the first worker's to tell: what others write stays on their machine where storage is no folder.
"""

import json
import time
from typing import Any

from ganray.gan.run import Run, write_text
from ganray.training.board import Pin
from ganray.training.journal import Journal
from ganray.training.lines import Lines
from ganray.training.validation import Validation


class Chronicle:
    """What one worker tells of a run.

    Args:
        run: The run.
        board: Handle of the board, or None.
        first: Whether this is the first worker.
    """

    def __init__(self, run: Run, board: Any, first: bool) -> None:
        self._run, self._pin, self._first = run, Pin(board), first
        self._journal: Journal | None = None
        self._ledger: Lines | None = None
        self.step = 0

    @property
    def stopping(self) -> bool:
        """Whether someone asked the run to end. Only the first worker hears it."""
        return self._pin.stopping

    def begin(self, step: int) -> None:
        """Stand at a step: what was told of later ones did not happen."""
        self.close()
        self.step = step
        if self._first:
            self._journal = Journal(self._run, step, self.event)
            self._ledger = Lines(self._run.path / "ledger.jsonl", step) if self._run.config.log.ledger else None

    def close(self) -> None:
        """Nothing more is told until the next `begin`."""
        for file in (self._journal, self._ledger):
            if file:
                file.close()
        self._journal = self._ledger = None

    def event(self, text: str) -> None:
        """Something that happened once: a line in events.jsonl and in the view."""
        told = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "step": self.step, "event": text}
        with open(self._run.path / "events.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")
        self._pin.log(text)

    def metrics(self, metrics: dict[str, float], *, progress: float, seconds: float) -> None:
        """Losses and speed after an update."""
        if self._journal:
            self._journal.tell(self.step, metrics)
            self._pin.tell(step=self.step, progress=progress, seconds=seconds, metrics=metrics)

    def ledger(self, workers: int, keys: list[int]) -> None:
        """The segments that an update learned from."""
        if self._ledger:
            self._ledger.write(self.step, {"workers": workers, "keys": keys})

    def validation(self, validation: Validation, best: dict[str, Any] | None) -> None:
        """Scores and sounds of a checkpoint."""
        step, scores = validation.step, validation.scores
        if self._journal:
            self._doubt(validation.misaligned)
            self._journal.keep(step, validation.samples)
            if scores:
                self._journal.tell(step, {f"val/{name}": value for name, value in scores.items()})
            self._pin.tell(validation={"step": step, "scores": scores, "best": best})

    def _doubt(self, misaligned: dict[str, float]) -> None:
        """Keep the list of clips that do not say their text, and tell how long it is when that changes."""
        path = self._run.path / "misaligned.json"
        before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if misaligned.keys() == before.keys():
            return
        write_text(path, json.dumps(dict(sorted(misaligned.items(), key=lambda row: row[1])), indent=1))
        if len(misaligned) != len(before):
            several = "s do" if len(misaligned) != 1 else " does"
            self.event(f"{len(misaligned):,} clip{several} not say their text and are not learned: misaligned.json")

    def saved(self) -> None:
        """A checkpoint is written."""
        if self._first:
            self._pin.tell(saved=self.step)
