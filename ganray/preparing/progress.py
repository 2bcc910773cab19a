"""What a person sees while clips are prepared: one bar, on stderr."""

import time
from types import TracebackType

import soundfile
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from ganray.data.corpus import Corpus

_LOOKED_AT = 2_000


class Progress:
    """Says what is read, and how far it is.

    Args:
        source: The corpus.
        total: How many of its clips are to be prepared.
        notes: What the user should know beforehand.
        quiet: Say nothing.
        verb: What is done to them.
    """

    def __init__(self, source: Corpus, total: int, notes: list[str], quiet: bool, verb: str = "prepare") -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
        count = len(source.recordings)
        if not quiet:
            seconds = _seconds(source)
            length = f", {seconds / 60:.1f} min" if seconds else ""
            self._console.print(
                f"Reading {source.place} ({source.layout} layout, {count:,} clips{length})", markup=False
            )
        for note in notes:
            self._console.print(note, markup=False)
        self._bar = Bar(
            TextColumn(verb),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("clips  {task.fields[speed]}"),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._task = self._bar.add_task(verb, total=total, speed="")
        self._began = 0.0

    def __enter__(self) -> "Progress":
        self._began = time.perf_counter()
        self._bar.start()
        return self

    def advance(self, clips: int, recorded_s: float) -> None:
        """`clips` more are done; of all the recordings so far, `recorded_s` seconds."""
        speed = recorded_s / max(time.perf_counter() - self._began, 1e-6)
        self._bar.update(self._task, advance=clips, speed=f"{speed:.0f}x real time")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()


def _seconds(source: Corpus) -> float:
    """Length of all recordings by their headers, judged by a few thousand; those that can't be read count nothing."""
    files = [recording.path for recording in source.recordings if recording.path]
    step = max(1, len(files) // _LOOKED_AT)
    total = 0.0
    for path in files[::step]:
        try:
            total += soundfile.info(str(path)).duration
        except (soundfile.LibsndfileError, RuntimeError, OSError):
            continue
    return total * step
