"""The table of trials: live on stderr while the sweep runs, and once more at its end."""

import threading
import time
from collections import Counter

from rich.console import Console
from rich.live import Live
from rich.table import Table

from ganray.tuning.board import Board, Row

PLAIN_EVERY_S = 20.0
"""Where stderr is no terminal: seconds between two lines."""


def table(board: Board, most: int | None = None) -> Table:
    """Trials with what they try, how far they came, and their best scores.

    Args:
        most: Rows, of more than so many trials: the best and those that run; the last row says how many are left out.
    """
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    keys = list(dict.fromkeys(key for row in board.rows for key in row.config))
    seeded = any(row.seed is not None for row in board.rows)
    for name in ("trial", *(short(key, keys) for key in keys), *["seed"] * seeded, "step", board.metric, "status"):
        drawn.add_column(name, justify="left" if name in ("trial", "status") else "right", overflow="fold")
    best = board.best
    rows = board.rows if most is None or len(board.rows) <= most else _foremost(board, most - 1)
    for row in rows:
        values = [_value(row.config[key]) if key in row.config else "–" for key in keys]
        score = f"{row.scores[board.metric]:.4f}" if board.metric in row.scores else "–"
        status = "best" if row is best and row.status != "running" else row.status
        style = "bold" if row is best else None
        seed = ["–" if row.seed is None else str(row.seed)] * seeded
        drawn.add_row(row.id, *values, *seed, f"{row.step:,}", score, _said(row, status), style=style)
    if len(rows) < len(board.rows):
        drawn.add_row("…", *[""] * (len(drawn.columns) - 2), _counted(board, len(rows)), style="dim")
    return drawn


def _foremost(board: Board, most: int) -> list[Row]:
    """The best trials and those that run, half of each where there are enough, in their order."""
    running = [row for row in board.rows if row.status == "running"]
    scored = [row for row in board.rows if board.metric in row.scores and row.status not in ("running", "diverged")]
    scored.sort(key=lambda row: row.scores[board.metric], reverse=board.mode == "max")
    shown = scored[: max(most // 2, most - len(running))]
    shown += running[: most - len(shown)]
    return sorted(shown, key=board.rows.index)


def _counted(board: Board, shown: int) -> str:
    statuses = Counter(row.status for row in board.rows)
    told = ", ".join(f"{count} {status}" for status, count in statuses.items())
    return f"{len(board.rows) - shown} more; in all {told}"


def text(board: Board, width: int = 120, most: int | None = None) -> str:
    """The table as plain text."""
    console = Console(width=width, highlight=False, no_color=True)
    with console.capture() as captured:
        console.print(table(board, most))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


class View:
    """Shows a board as long as the sweep runs: `with View(board):`."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._console = Console(stderr=True, highlight=False)
        self._ended = threading.Event()
        self._live: Live | None = None
        self._thread = threading.Thread(target=self._watch, name="view", daemon=True)

    def __enter__(self) -> "View":
        if self._console.is_terminal:
            self._live = Live(self._table(), console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._live:
            self._live.stop()

    def _table(self) -> Table:
        """As much as the terminal shows, and is worth drawing twice a second."""
        return table(self._board, most=max(8, min(self._console.height - 4, 40)))

    def _watch(self) -> None:
        told: dict[str, tuple[str, int]] = {}
        last = time.monotonic()
        while not self._ended.wait(0.5):
            if self._live:
                self._live.update(self._table(), refresh=True)
                continue
            for row in self._board.rows:
                status, step = told.get(row.id, ("waiting", 0))
                if row.status != status or (row.step != step and time.monotonic() - last > PLAIN_EVERY_S):
                    told[row.id], last = (row.status, row.step), time.monotonic()
                    self._console.print(_line(row, self._board.metric), soft_wrap=True)


def _line(row: Row, metric: str) -> str:
    score = f"  {metric} {row.scores[metric]:.4f}" if metric in row.scores else ""
    tried = "  ".join(f"{key} {_value(value)}" for key, value in row.config.items())
    return f"trial {row.id} {_said(row, row.status)}  step {row.step:,}{score}  {tried}"


def _said(row: Row, status: str) -> str:
    return f"{status}: {row.message.splitlines()[0][:80]}" if row.message else status


def short(key: str, keys: list[str]) -> str:
    """As few of the last parts of a dotted key as tell it from the others."""
    parts = key.split(".")
    for count in range(1, len(parts)):
        tail = ".".join(parts[-count:])
        if sum(other == tail or other.endswith(f".{tail}") for other in keys) == 1:
            return tail
    return key


def _value(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
