"""Multi-period discriminator: the waveform folded into rows of a prime length, judged in two dimensions (HiFi-GAN,
Kong et al. 2020). Sizes from the recipe; the paper's channels are 32, 128, 512, 1024, 1024.
"""

from typing import Literal

from torch import Tensor, nn

from ganray.config import AudioConfig
from ganray.models import contract

LEVEL = 10.0
"""Speech has an RMS of about a tenth; judges learn fastest from inputs of about one."""


class Config(contract.ArchitectureConfig):
    """Sizes."""

    type: Literal["mpd"] = "mpd"
    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    """Row lengths, in samples."""
    channels: tuple[int, ...] = (32, 128, 512, 1024, 1024)
    """Width of each convolution; all but the last stride by 3 along time."""


class Discriminator(contract.Discriminator):
    """One judge a period."""

    def __init__(self, config: Config, audio: AudioConfig, segment_length: int) -> None:
        super().__init__(config, audio, segment_length)
        self.judges = nn.ModuleList([PeriodJudge(period, config.channels) for period in config.periods])

    @property
    def ears(self) -> list[contract.Ear]:
        return [contract.Ear(f"period {judge.period}", "phase") for judge in self.judges]

    def forward(self, waveform: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        told = [judge(waveform) for judge in self.judges]
        return [logits for logits, _ in told], [features for _, features in told]


class PeriodJudge(nn.Module):
    """Convolutions along time at one phase of a period."""

    def __init__(self, period: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.period = period
        inputs = (1, *channels[:-1])
        self.convolutions = nn.ModuleList(
            [
                nn.Conv1d(a, b, 5, 3 if i < len(channels) - 1 else 1, padding=2)
                for i, (a, b) in enumerate(zip(inputs, channels, strict=True))
            ]
        )
        self.out = nn.Conv1d(channels[-1], 1, 3, padding=1)
        contract.prepare_judge(self)

    def forward(self, waveform: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(B, 1, T) to logits (B, period, T / 3ⁿ / period) and features."""
        short = -waveform.shape[-1] % self.period
        x = LEVEL * (nn.functional.pad(waveform, (0, short), mode="reflect") if short else waveform)
        # The paper's (5, 1) kernels in two dimensions are these in one, with the phases as items: 1.2-1.7 × as fast.
        x = x[:, 0].unflatten(-1, (-1, self.period)).transpose(1, 2).flatten(0, 1)[:, None]
        features = []
        for convolution in self.convolutions:
            x = nn.functional.leaky_relu(convolution(x), 0.1)
            features.append(x)
        return self.out(x).view(len(waveform), self.period, -1), features
