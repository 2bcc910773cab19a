"""The live view of a training: every line answers a question that someone has at that moment."""

import time
from typing import Any, Protocol

import ray
from rich.console import Console
from rich.live import Live
from rich.text import Text

from ganray.gan.run import Run
from ganray.metrics import MEASURES

PLAIN_EVERY_S = 20.0
"""Where stderr is no terminal: seconds between two lines."""


class Line(Protocol):
    """The line that changes, below those that stay."""

    def start(self) -> None:
        """Show it."""

    def update(self, text: Text, /) -> None:
        """Show this instead."""

    def stop(self) -> None:
        """Take it away."""


class View:
    """Shows a board, on stderr: a live line in a terminal, a line now and then elsewhere.

    Args:
        run: The run.
        board: Handle of its board.
    """

    def __init__(self, run: Run, board: Any) -> None:
        self.run, self._board = run, board
        self.console = Console(stderr=True, highlight=False)
        self.stopping = False
        self._live: Line | None = None
        self._told: dict[str, Any] = {}
        self._last_line = 0.0

    def __enter__(self) -> "View":
        config = self.run.config
        workers = config.resources.num_workers
        self._print(f"{config.name}  run {self.run.where}")
        several = workers if isinstance(workers, int) else f"{workers[0]} to {workers[1]}"
        self._print(f"global batch {config.data.batch_size} on {several} worker{'s' if workers != 1 else ''}")
        if self.console.is_terminal:
            self._live = self._line_below()
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def stop(self) -> None:
        """Ask the run to write a checkpoint and end."""
        self.stopping = True
        self._board.stop.remote()

    def update(self) -> None:
        """Read the board and show what is new."""
        try:
            news = ray.get(self._board.read.remote(), timeout=2)
        except Exception:  # the board is gone with its cluster; fit() tells why
            return
        validation = news.get("validation")
        if validation and validation != self._told.get("validation") and validation["scores"]:
            self._print(_validation_line(validation))
        for text in news["events"][len(self._told.get("events", [])) :]:
            self._print(text)
        saved = news.get("saved")
        if self.stopping and saved and saved != self._told.get("saved"):
            self._print(f"checkpoint at step {saved:,} written; go on with: ganray train --resume {self.run.where}")
        self._told = news
        if "metrics" not in news:
            return
        if self._live:
            self._live.update(Text(self._line(news)))
        elif time.monotonic() - self._last_line > PLAIN_EVERY_S:
            self._last_line = time.monotonic()
            self._print(self._line(news))

    def _print(self, text: str) -> None:
        self.console.print(text, soft_wrap=True)

    def _line_below(self) -> "Line":
        return Live(Text("starting workers …"), console=self.console, refresh_per_second=2, transient=True)

    def _line(self, news: dict[str, Any]) -> str:
        metrics = news["metrics"]
        parts = [f"step {news['step']:,}"]
        for label, name, form in (
            ("text", "loss/generator/acoustic", "{:.3f}"),
            ("align", "loss/generator/alignment", "{:.3f}"),
            ("mel", "loss/generator/mel", "{:.3f}"),
            ("adv", "loss/generator/adversarial", "{:.2f}"),
            ("D", "loss/discriminator/total", "{:.2f}"),
        ):
            if name in metrics:
                parts.append(f"{label} {form.format(metrics[name])}")
        if "discriminator/real_percent" in metrics:
            real, fake = metrics["discriminator/real_percent"], metrics["discriminator/fake_percent"]
            parts.append(f"D real/fake {real:.0f}/{fake:.0f} %")
        parts.append(f"{metrics['perf/audio_seconds_per_s']:.1f} audio-s/s")
        parts.append(f"data {metrics['perf/data_percent']:.0f} % sync {metrics['perf/sync_percent']:.0f} %")
        parts.append("stopping" if self.stopping else f"{_left(news)} left")
        return "  ".join(parts)


def _left(news: dict[str, Any]) -> str:
    progress = max(news["progress"], 1e-6)
    seconds = int(news["seconds"] * (1 - progress) / progress)
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _validation_line(validation: dict[str, Any]) -> str:
    scores = "  ".join(f"{name} {value:.3f}" for name, value in validation["scores"].items() if name in MEASURES)
    best = validation["best"] and validation["best"]["step"] == validation["step"]
    return f"validation @{validation['step']:,}  {scores}{'   best so far' if best else ''}"
