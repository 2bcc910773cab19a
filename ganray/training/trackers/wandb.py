"""Weights & Biases. Offline, into the run's folder, unless WANDB_MODE says otherwise; `wandb sync` sends it later."""

import io
import os
import secrets
from typing import Any

import numpy as np

from ganray.gan.run import Run
from ganray.training.trackers.tracker import Ids


class WandB:
    """One W&B run: the project is the recipe's name, the name is the run's, the id stays over resumes.

    WANDB_MODE, WANDB_PROJECT, WANDB_DIR and W&B's other variables are heeded.

    Args:
        run: The run.
        step: Updates that it has behind it.
    """

    def __init__(self, run: Run, step: int) -> None:
        import wandb

        self._wandb, ids = wandb, Ids(run.path)
        name = ids.get("wandb").get("id") or secrets.token_hex(4)
        ids.keep("wandb", id=name)
        self._run = wandb.init(
            id=name,
            resume="allow",
            project=os.environ.get("WANDB_PROJECT") or run.config.name,
            name=run.path.name,
            dir=os.environ.get("WANDB_DIR") or str(run.path),
            mode=os.environ.get("WANDB_MODE") or "offline",  # type: ignore[arg-type] # W&B names its choices itself
            reinit="create_new",
            settings=wandb.Settings(console="off", silent=True, disable_git=True, save_code=False),
        )
        # A rolled back run writes some steps twice; W&B's own step may only grow.
        self._run.define_metric("*", step_metric="step")

    def config(self, document: dict[str, Any]) -> None:
        self._run.config.update(document, allow_val_change=True)

    def scalars(self, step: int, metrics: dict[str, float]) -> None:
        self._run.log({**metrics, "step": step})

    def audio(self, step: int, name: str, waveform: np.ndarray, sample_rate: int) -> None:
        self._run.log({name: self._wandb.Audio(waveform, sample_rate=sample_rate), "step": step})

    def image(self, step: int, name: str, png: bytes) -> None:
        from PIL import Image

        self._run.log({name: self._wandb.Image(Image.open(io.BytesIO(png))), "step": step})

    def close(self) -> None:
        self._run.finish()
