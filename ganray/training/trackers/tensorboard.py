"""TensorBoard: files in the run's folder, for `tensorboard --logdir runs`."""

import io
from typing import Any

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from ganray.config.load import dump_yaml
from ganray.gan.run import Run


class TensorBoard:
    """Writes event files. Of a resumed run, points after the step it goes on from are taken back.

    Args:
        run: The run.
        step: Updates that it has behind it.
    """

    def __init__(self, run: Run, step: int) -> None:
        self._writer = SummaryWriter(str(run.path / "tensorboard"), purge_step=step + 1)

    def config(self, document: dict[str, Any]) -> None:
        self._writer.add_text("config", f"```yaml\n{dump_yaml(document)}```", 0)

    def scalars(self, step: int, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)

    def audio(self, step: int, name: str, waveform: np.ndarray, sample_rate: int) -> None:
        self._writer.add_audio(name, waveform[None], step, sample_rate)

    def image(self, step: int, name: str, png: bytes) -> None:
        from PIL import Image

        self._writer.add_image(name, np.asarray(Image.open(io.BytesIO(png)).convert("RGB")), step, dataformats="HWC")

    def close(self) -> None:
        self._writer.close()
