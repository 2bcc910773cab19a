"""A generator in torch as an engine."""

import numpy as np
import torch

from ganray.models import Generator
from ganray.models.random import mix
from ganray.text.manner import Manner
from ganray.voice.engine import Inputs


class TorchEngine:
    """See `Engine`.

    Args:
        generator: In evaluation mode, on the CPU or a GPU.
    """

    def __init__(self, generator: Generator) -> None:
        self.generator, self.audio, self.labels = generator, generator.audio, generator.labels
        self.context_frames = generator.context_frames if generator.condition != "noise" else 0
        self.device = next(generator.parameters()).device

    def plan(self, symbols: np.ndarray, seed: int, number: int, manner: Manner) -> tuple[Inputs, np.ndarray]:
        """See `Engine.plan`."""
        key = mix(torch.tensor([seed], device=self.device)) + number
        with torch.inference_mode():
            inputs, durations = self.generator.speak(torch.from_numpy(symbols).to(self.device), key, manner)
        return inputs, durations[0].cpu().numpy()

    def render(self, inputs: Inputs) -> np.ndarray:
        """See `Engine.render`."""
        with torch.inference_mode():
            return self.generator(dict(inputs))[0, 0].float().cpu().numpy()
