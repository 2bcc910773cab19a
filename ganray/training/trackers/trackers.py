"""All trackers of a run behind one thread: training neither waits for them nor fails with them."""

import queue
import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from ganray.audio import log_mel
from ganray.gan.run import Run
from ganray.metrics.plots import spectrograms
from ganray.training.trackers.tracker import Sample, Tracker

CLOSE_S = 60.0
"""How long the end of a run waits for trackers that do not answer."""
MEND = "pip install 'ganray[trackers]'"


def missing(names: tuple[str, ...]) -> list[str]:
    """Trackers that are asked for and not installed here."""

    def there(name: str) -> bool:
        spec = find_spec(name)
        return spec is not None and spec.origin is not None  # a folder of that name is no package

    return [name for name in names if not there(name)]


class Trackers:
    """TensorBoard, and what `log.trackers` names. One that fails is told once and left out from there on.

    Args:
        run: The run.
        step: Updates that it has behind it.
        tell: Takes a line about a tracker that fails.
    """

    def __init__(self, run: Run, step: int, tell: Callable[[str], None]) -> None:
        self._run, self._step, self._tell = run, step, tell
        self._open: dict[str, Tracker] = {}
        self._heard: set[str] = set()
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="trackers", daemon=True)
        self._thread.start()

    def scalars(self, step: int, metrics: dict[str, float]) -> None:
        """One point of every curve."""
        self._queue.put(lambda: self._each("scalars", step, metrics))

    def samples(self, step: int, samples: dict[str, Sample]) -> None:
        """Sounds, and their spectrograms under those of the recordings."""
        self._queue.put(lambda: self._show(step, samples))

    def close(self) -> None:
        """Wait until everything is written out, at most `CLOSE_S`."""
        self._queue.put(None)
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            self._tell(f"{', '.join(self._open)}: not all was taken within {CLOSE_S:.0f} s")

    def _work(self) -> None:
        for name in ("tensorboard", *self._run.config.log.trackers):
            self._guarded(name, lambda name=name: self._begin(name))  # type: ignore[misc]
        self._each("config", self._run.config.model_dump(mode="json"))
        while (job := self._queue.get()) is not None:
            job()
        self._each("close")

    def _begin(self, name: str) -> None:
        if name == "wandb":
            from ganray.training.trackers.wandb import WandB as Kind
        elif name == "mlflow":
            from ganray.training.trackers.mlflow import MLflow as Kind  # type: ignore[assignment]
        else:
            from ganray.training.trackers.tensorboard import TensorBoard as Kind  # type: ignore[assignment]
        self._open[name] = Kind(self._run, self._step)

    def _each(self, method: str, *arguments: Any) -> None:
        for name, tracker in list(self._open.items()):
            self._guarded(name, lambda tracker=tracker: getattr(tracker, method)(*arguments))  # type: ignore[misc]

    def _guarded(self, name: str, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # whatever a tracker does, the run goes on
            self._open.pop(name, None)
            why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            self._tell(f"tracker {name} fails and is left out from here on: {why}")

    def _show(self, step: int, samples: dict[str, Sample]) -> None:
        audio = self._run.config.audio
        for name, sample in samples.items():
            self._each("audio", step, f"samples/{name}", sample.made, audio.sample_rate)
            mels = {"synthesised": log_mel(sample.made, audio)}
            if sample.recorded is not None:
                mels = {"recorded": log_mel(sample.recorded, audio)} | mels
                if name not in self._heard:
                    self._each("audio", step, f"recorded/{name}", sample.recorded, audio.sample_rate)
            self._heard.add(name)
            self._each("image", step, f"spectrograms/{name}", _same_length(mels, audio))


def _same_length(mels: dict[str, np.ndarray], audio: Any) -> bytes:
    frames = min(mel.shape[1] for mel in mels.values())
    return spectrograms({label: mel[:, :frames] for label, mel in mels.items()}, audio)
