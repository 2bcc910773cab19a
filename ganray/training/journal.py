"""What a run writes down: metrics.jsonl, TensorBoard with sounds, samples. Only the first worker writes."""

from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from ganray.audio import write
from ganray.training.lines import Lines


class Journal:
    """The run's diary. After a resume, lines from steps that were lost are cut off first.

    Args:
        path: The run's folder.
        step: Updates that the run has behind it.
        sample_rate: Of the sounds, in Hz.
    """

    def __init__(self, path: Path, step: int, sample_rate: int) -> None:
        self.path, self.sample_rate = path, sample_rate
        self._lines = Lines(path / "metrics.jsonl", step)
        self._board = SummaryWriter(str(path / "tensorboard"), purge_step=step + 1)

    def tell(self, step: int, metrics: dict[str, float]) -> None:
        """One line, and one point a curve."""
        self._lines.write(step, {name: _short(value) for name, value in metrics.items()})
        for name, value in metrics.items():
            self._board.add_scalar(name, value, step)

    def keep(self, step: int, samples: dict[str, np.ndarray]) -> None:
        """Sounds, as files and in TensorBoard."""
        for name, waveform in samples.items():
            write(self.path / "samples" / f"step-{step:07d}-{name}.wav", waveform, self.sample_rate)
            self._board.add_audio(f"samples/{name}", waveform[None], step, self.sample_rate)

    def close(self) -> None:
        """Nothing may be told afterwards."""
        self._lines.close()
        self._board.close()


def _short(value: float) -> float:
    return float(f"{value:.6g}")
