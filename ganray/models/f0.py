"""F0 from a mel spectrogram or from text, and what a pulse train needs to know of it.

The head classifies over log-spaced bins and reads the value between them, after CREPE (Kim et al. 2018).
"""

import math

import torch
from torch import Tensor, nn

from ganray.models.convnext import ConvNeXt, each_frame

LOWEST_HZ, HIGHEST_HZ, NUM_BINS = 50.0, 1000.0, 128
_BLUR = 1.0  # bins; neighbours of the true bin are nearly right
_REACH = 3  # bins on each side of the best one that take part in the estimate


class F0Head(nn.Module):
    """Fundamental frequency and voicing from what is known of every frame.

    Args:
        inputs: K, features a frame.
        channels: Width of the network.
        blocks: ConvNeXt blocks.
        stride: Frames it computes as one.
    """

    def __init__(self, inputs: int, channels: int = 128, blocks: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.network = ConvNeXt(inputs, channels, 2 * channels, blocks, stride=stride)
        self.out = nn.Linear(channels, stride * (NUM_BINS + 1))

    @property
    def context_frames(self) -> int:
        """Frames on each side that an estimate depends on."""
        return self.network.context_frames

    def forward(self, features: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(B, K, F) to logits over bins, (B, F, NUM_BINS), and of voicing, (B, F)."""
        logits = each_frame(self.network, self.out, features, mask).float()
        return logits[..., :-1], logits[..., -1]

    def estimate(self, features: Tensor) -> Tensor:
        """(B, K, F) to (B, F) in Hz, 0 where unvoiced."""
        return read_f0(*self(features))

    def loss(self, features: Tensor, f0: Tensor, mask: Tensor | None = None, weight: Tensor | float = 1.0) -> Tensor:
        """Cross-entropy of bins, in voiced frames, and of voicing: the mean over items of means over their frames.

        Args:
            features: (B, K, F).
            f0: (B, F) in Hz, 0 where unvoiced.
            mask: (B, 1, F), 1 inside an item; None: everywhere.
            weight: (B, 1) of the items.
        """
        logits, voicing = self(features, mask)
        voiced = f0 > 0
        bins = torch.arange(NUM_BINS, device=logits.device)
        distance = bins - to_bin(f0.clamp_min(LOWEST_HZ))[..., None]
        target = (-0.5 * (distance / _BLUR) ** 2).softmax(-1)
        of_bins = -(target * logits.log_softmax(-1)).sum(-1)
        of_voicing = nn.functional.binary_cross_entropy_with_logits(voicing, voiced.float(), reduction="none")
        return mean_inside((of_bins * voiced + of_voicing) * weight, mask)


def read_f0(logits: Tensor, voicing: Tensor) -> Tensor:
    """What the head says, (B, F, NUM_BINS) and (B, F), to (B, F) in Hz, 0 where unvoiced."""
    best = logits.argmax(-1, keepdim=True)
    near = (torch.arange(NUM_BINS, device=logits.device) - best).abs() <= _REACH
    weights = logits.masked_fill(~near, -torch.inf).softmax(-1)
    return to_hz((weights * torch.arange(NUM_BINS, device=logits.device)).sum(-1)) * (voicing > 0)


def mean_inside(values: Tensor, mask: Tensor | None = None) -> Tensor:
    """The mean over items of the means over their frames, of (B, F); `mask` (B, 1, F) says which frames are theirs."""
    return mean_inside_each(values, mask).mean()


def mean_inside_each(values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Each item's mean over its frames, of (B, F): (B,)."""
    if mask is None:
        return values.mean(-1)
    return (values * mask[:, 0]).sum(-1) / mask[:, 0].sum(-1)


def to_bin(hz: Tensor) -> Tensor:
    """Hz to fractional bins."""
    return (hz / LOWEST_HZ).log() / math.log(HIGHEST_HZ / LOWEST_HZ) * (NUM_BINS - 1)


def to_hz(bins: Tensor) -> Tensor:
    """Fractional bins to Hz."""
    return LOWEST_HZ * (bins / (NUM_BINS - 1) * math.log(HIGHEST_HZ / LOWEST_HZ)).exp()


def fill_unvoiced(f0: Tensor) -> Tensor:
    """(B, F) in Hz with 0 where unvoiced to (B, F) without gaps: geometric interpolation, ends held, 150 Hz if none."""
    num_frames = f0.shape[-1]
    position = torch.arange(num_frames, device=f0.device).expand_as(f0)
    voiced = f0 > 0
    before = torch.where(voiced, position, -1).cummax(-1).values
    after = num_frames - torch.where(voiced, num_frames - position, 0).flip(-1).cummax(-1).values.flip(-1)
    left = torch.where(before >= 0, before, after)  # before the first voiced frame, hold it
    right = torch.where(after < num_frames, after, before)
    none = ~voiced.any(-1, keepdim=True)
    left, right = left.masked_fill(none, 0), right.masked_fill(none, 0)
    log_f0 = torch.where(voiced, f0, 150.0).log()
    share = (position - left) / (right - left).clamp_min(1)
    return (log_f0.gather(-1, left) * (1 - share) + log_f0.gather(-1, right) * share).exp()


def phase_at_frames(f0: Tensor, start: Tensor, hop_length: int, sample_rate: int) -> Tensor:
    """Phase in cycles, [0, 1), at the middle of each frame, for an F0 that moves linearly from middle to middle.

    Args:
        f0: (B, F) in Hz.
        start: (B,) phase of the first frame.

    Returns:
        (B, F) float64.
    """
    f0 = f0.double()
    advance = nn.functional.pad((f0[:, 1:] + f0[:, :-1]) * (hop_length / 2 / sample_rate), (1, 0))
    return (start.double()[:, None] + advance.cumsum(-1)) % 1.0


def pulse_train(f0: Tensor, phase: Tensor, hop_length: int, sample_rate: int, band_limit_hz: float) -> Tensor:
    """A sum of all harmonics below the band limit, each of amplitude one, in closed form.

    Args:
        f0: (B, F) in Hz, without gaps.
        phase: (B, F) float64, cycles at the middle of each frame.

    Returns:
        (B, F · hop_length).
    """
    held = torch.cat([f0[:, :1], f0, f0[:, -1:]], 1)
    first = phase[:, :1] - f0[:, :1].double() * (hop_length / sample_rate)
    phase = torch.cat([first, phase], 1)[..., None]
    here, there = held[:, :-1, None], held[:, 1:, None]
    time = torch.arange(hop_length, device=f0.device, dtype=torch.float64)
    cycles = phase + (here.double() * time + (there - here).double() * time**2 / (2 * hop_length)) / sample_rate
    cycles = (cycles - cycles.round()).float()  # [-0.5, 0.5]
    hz = here + (there - here) * (time.float() / hop_length)
    num_harmonics = (band_limit_hz / hz).floor()
    # Dirichlet kernel: 1/2 + sum of cos(k x), k = 1…n, is sin((n + 1/2) x) / (2 sin(x / 2)); at x = 0 it is n + 1/2.
    angle = math.pi * cycles
    near_zero = angle.abs() < 1e-5
    denominator = torch.where(near_zero, 1.0, 2 * angle.sin())
    kernel = torch.where(near_zero, num_harmonics + 0.5, ((2 * num_harmonics + 1) * angle).sin() / denominator)
    return (kernel - 0.5).flatten(1)[:, hop_length // 2 : hop_length // 2 + f0.shape[1] * hop_length]
