"""Several trainings at the same time in one process, shown one below the other."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ganray.gan.run import Run
from ganray.training.view import Line, View

Train = Callable[[str, Callable[[Run, Any], View]], bool]
"""Trains the recipe of a name, shown by a view; whether its budget was used."""


def together(names: Sequence[str], at_once: int, train: Train) -> Iterator[tuple[str, Future[bool]]]:
    """Train all of `names`, `at_once` of them at a time; each with how it ended, as soon as it did.

    The first Ctrl-C asks all that run for a checkpoint and an end, and begins no other; the second one is raised.
    """
    rows = _Rows()
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="training")
    try:
        with rows:
            waiting, running = list(names), dict[Future[bool], str]()
            while waiting or running:
                try:
                    while waiting and len(running) < at_once:
                        name = waiting.pop(0)
                        running[pool.submit(train, name, rows.row(name))] = name
                    done, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                except KeyboardInterrupt:
                    if rows.stopping:
                        raise
                    rows.stop()
                    waiting.clear()
                    continue
                for future in done:
                    yield running.pop(future), future
    finally:
        pool.shutdown(wait=False)


class _Rows:
    """The live lines of all that run."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        self.stopping = False
        self._lock = threading.Lock()
        self._views: list[View] = []
        self._lines: dict[str, Text] = {}
        self._live = Live(console=self.console, refresh_per_second=2, transient=True)

    def __enter__(self) -> "_Rows":
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def row(self, name: str) -> Callable[[Run, Any], View]:
        """What shows the run of `name`."""

        def shown_by(run: Run, board: Any) -> View:
            view = _Row(run, board, name, self)
            with self._lock:
                self._views.append(view)
                if self.stopping:
                    view.stop()
            return view

        return shown_by

    def stop(self) -> None:
        """Ask all that run for a checkpoint and an end."""
        with self._lock:
            self.stopping = True
            for view in self._views:
                view.stop()

    def show(self, name: str, text: Text | None) -> None:
        """Show a run's newest line; None: it ended."""
        with self._lock:
            self._lines.pop(name, None) if text is None else self._lines.update({name: text})
            self._live.update(Group(*self._lines.values()))


class _Row(View):
    """A run's view among others."""

    def __init__(self, run: Run, board: Any, name: str, rows: _Rows) -> None:
        super().__init__(run, board)
        self.console, self._name, self._rows = rows.console, name, rows

    def _print(self, text: str) -> None:
        super()._print(text if text.startswith(f"{self._name} ") else f"{self._name}  {text}")

    def _line_below(self) -> Line:
        return _LineOf(self._name, self._rows)


class _LineOf:
    """A run's line in the rows."""

    def __init__(self, name: str, rows: _Rows) -> None:
        self._name, self._rows = name, rows

    def start(self) -> None:
        self.update(Text("starting workers …"))

    def update(self, text: Text, /) -> None:
        self._rows.show(self._name, Text(f"{self._name}  ") + text)

    def stop(self) -> None:
        self._rows.show(self._name, None)
