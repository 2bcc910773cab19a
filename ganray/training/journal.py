"""What a run writes down: metrics.jsonl, samples, and what its trackers show. Only the first worker writes."""

from collections.abc import Callable

from ganray.audio import write
from ganray.gan.run import Run
from ganray.training.lines import Lines
from ganray.training.trackers import Sample, Trackers


class Journal:
    """The run's diary. After a resume, lines from steps that were lost are cut off first.

    Args:
        run: The run.
        step: Updates that it has behind it.
        tell: Takes a line about a tracker that fails.
    """

    def __init__(self, run: Run, step: int, tell: Callable[[str], None]) -> None:
        self._run = run
        self._lines = Lines(run.path / "metrics.jsonl", step)
        self._trackers = Trackers(run, step, tell)

    def tell(self, step: int, metrics: dict[str, float]) -> None:
        """One line, and one point a curve."""
        self._lines.write(step, {name: _short(value) for name, value in metrics.items()})
        self._trackers.scalars(step, metrics)

    def keep(self, step: int, samples: dict[str, Sample]) -> None:
        """Sounds, as files and in the trackers."""
        for name, sample in samples.items():
            path = self._run.path / "samples" / f"step-{step:07d}-{name}.wav"
            write(path, sample.made, self._run.config.audio.sample_rate)
        self._trackers.samples(step, samples)

    def close(self) -> None:
        """Nothing may be told afterwards."""
        self._lines.close()
        self._trackers.close()


def _short(value: float) -> float:
    return float(f"{value:.6g}")
