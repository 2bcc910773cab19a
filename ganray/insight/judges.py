"""What every sub-judge says of a waveform, moment by moment and, where it hears them apart, band by band."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from ganray.audio import mel_filters
from ganray.config import AudioConfig
from ganray.config.run import AdversarialConfig
from ganray.models import Discriminator
from ganray.models.contract import Ear


@dataclass(frozen=True)
class Heard:
    """What one sub-judge says.

    Attributes:
        judge: Which.
        ear: Where its logits belong.
        realness: (R, N) along frequency (upward; R = 1 where it has none) and time: 1 says real, 0 says fake.
    """

    judge: str
    ear: Ear
    realness: np.ndarray

    def over(self, audio: AudioConfig, frames: int) -> np.ndarray:
        """(M, F): laid over a log-mel spectrogram of so many frames."""
        values = self.realness
        # A strided, centred convolution's output j stands at input j · stride: its first column at the beginning.
        places = (np.arange(frames) + 0.5) / frames * values.shape[1]
        values = np.stack([np.interp(places, np.arange(values.shape[1]), row) for row in values])
        rows = len(values)
        if rows == 1:
            return np.repeat(values, audio.n_mels, axis=0)
        if self.ear.rows == "hertz":
            at = band_centres(audio) / (audio.sample_rate / 2) * (rows - 1)
        elif self.ear.rows == "octaves":
            below = np.log2(np.maximum(band_centres(audio), 1) / (audio.sample_rate / 2))
            at = (1 + below / self.ear.octaves) * rows
        else:
            at = np.arange(audio.n_mels) / audio.n_mels * rows
        return np.stack([np.interp(at, np.arange(rows), column) for column in values.T], axis=1)


class Panel(nn.Module):
    """All discriminators of a run, and how their logits are meant.

    Args:
        judges: Each as `models.contract.Discriminator`.
        objective: What they were trained with: it says what logit is real and what is fake.
    """

    def __init__(self, judges: Sequence[Discriminator] | nn.ModuleList, objective: AdversarialConfig) -> None:
        super().__init__()
        self.networks = nn.ModuleList(judges)
        self.objective = objective

    @property
    def judges(self) -> list[Discriminator]:
        """The discriminators."""
        return cast(list[Discriminator], list(self.networks))

    @property
    def names(self) -> list[str]:
        """Of the sub-judges, in the order of `logits`."""
        return [f"{judge.config.type} {ear.name}" for judge in self.judges for ear in judge.ears]

    def logits(self, waveform: Tensor) -> Iterator[tuple[str, Ear, Tensor]]:
        """(name, ear, (B, R, N) logits) of every sub-judge, for (B, 1, T); those that hear segments hear them in turn.

        T must be as long as one segment.
        """
        for judge in self.judges:
            whole = judge.ears[0].rows == "whole"
            its = _segments(judge, waveform) if whole else judge(waveform)[0]
            for ear, logit in zip(judge.ears, its, strict=True):
                values = logit if logit.dim() == 3 else logit[:, None]
                values = values.transpose(1, 2) if ear.rows == "octaves" else values
                yield f"{judge.config.type} {ear.name}", ear, values

    def realness(self, logits: Tensor) -> Tensor:
        """Logits as 0 for fake to 1 for real, where the judges are as sure as they were taught to be.

        Least squares aims at 0 and 1, cross-entropy's logit is one of a probability, and the hinge's margin is ±1.
        """
        if self.objective.lambda_mse:
            return logits
        return torch.sigmoid(logits) if self.objective.ce else (logits + 1) / 2

    def score(self, waveform: Tensor) -> Tensor:
        """(B, 1, T) → (B,): mean realness, every sub-judge weighing the same. What a generator wants to raise."""
        return torch.stack([self.realness(logits).flatten(1).mean(1) for _, _, logits in self.logits(waveform)]).mean(0)

    def hear(self, waveform: np.ndarray) -> list[Heard]:
        """What every sub-judge says of (T,)."""
        with torch.inference_mode():
            tensor = torch.from_numpy(np.ascontiguousarray(waveform, np.float32))[None, None]
            heard = []
            for name, ear, logits in self.logits(tensor):
                values = self.realness(logits)[0]
                if ear.rows in ("phase", "whole"):
                    values = values.mean(0, keepdim=True)
                heard.append(Heard(name, ear, values.float().numpy()))
        return heard


def band_centres(audio: AudioConfig) -> np.ndarray:
    """(M,) Hz at which each mel band hears best."""
    filters = mel_filters(audio).numpy()
    return filters.argmax(1) * audio.sample_rate / audio.n_fft


def _segments(judge: Discriminator, waveform: Tensor) -> list[Tensor]:
    """[(B, 1, N)] of a judge that gives one logit a segment: as many as fit, the last one from the end."""
    length = judge.segment_length
    starts = [*range(0, waveform.shape[-1] - length, length), waveform.shape[-1] - length]
    return [torch.cat([judge(waveform[..., s : s + length])[0][0] for s in starts], 1)[:, None]]
