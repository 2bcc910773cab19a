"""From symbols to a mel spectrogram: an encoder, predictors of prosody, and a decoder, all of them convolutional.

After FastSpeech 2 (Ren et al. 2021) with the convolutions of ConvNeXt: durations, F0 and energy are given in training
and predicted in use, so what the decoder has to guess is little, and a user can change each of them.

Shapes: B batch, P symbols, F frames, C channels, M mels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganray.models.convnext import ConvNeXt, each_frame
from ganray.models.f0 import F0Head, fill_unvoiced

_PLACES = 3
"""Of a frame in its symbol: how far through it is, how long it is, and 1 where it begins."""


@dataclass(frozen=True)
class Frames:
    """Which symbol every frame says.

    Attributes:
        index: (B, F) int64.
        place: (B, 3, F), the frame's place in its symbol.
        mask: (B, 1, F), 1 inside an item.
    """

    index: Tensor
    place: Tensor
    mask: Tensor

    @classmethod
    def of(cls, durations: Tensor, num_frames: int | None = None) -> "Frames":
        """Those of (B, P) int64 frames a symbol; `num_frames` F, the longest item's where None."""
        ends = durations.cumsum(-1)
        frame = torch.arange(num_frames or int(ends[:, -1].max()), device=ends.device).expand(len(ends), -1)
        index = torch.searchsorted(ends, frame.contiguous(), right=True).clamp_max(ends.shape[1] - 1)
        length = durations.gather(1, index).clamp_min(1)
        since = frame - (ends - durations).gather(1, index)
        place = torch.stack([(since + 0.5) / length, length.float().log() / 3, (since == 0).float()], 1)
        mask = (frame < ends[:, -1:])[:, None].float()
        return cls(index, place * mask, mask)

    def hold(self, values: Tensor) -> Tensor:
        """(B, K, P) to (B, K, F): each symbol's column for as long as it lasts, zero behind an item's end."""
        index = self.index[:, None].expand(-1, values.shape[1], -1)
        return values.gather(2, index) * self.mask

    def means(self, values: Tensor, durations: Tensor) -> Tensor:
        """(B, F) to (B, P): the mean over each symbol's frames, zero where it has none."""
        sums = values.new_zeros(durations.shape).scatter_add(1, self.index, values * self.mask[:, 0])
        return sums / durations.clamp_min(1)


class Acoustic(nn.Module):
    """Symbols to mel.

    Args:
        num_symbols: Of the front-end's inventory.
        n_mels: M.
        text_channels: C of the encoder.
        text_blocks: Its ConvNeXt blocks.
        channels: Of the decoder.
        inner: Width of the decoder's perceptrons.
        blocks: Its ConvNeXt blocks.
        num_labels: N, speakers and whatever else tells clips apart.
        stride: Frames that the decoder and the pitch predictor compute as one.
    """

    def __init__(
        self,
        num_symbols: int,
        n_mels: int,
        text_channels: int,
        text_blocks: int,
        channels: int,
        inner: int,
        blocks: int,
        num_labels: int = 0,
        stride: int = 1,
    ) -> None:
        super().__init__()
        self.label = nn.Linear(num_labels, text_channels, bias=False) if num_labels else None
        self.embedding = nn.Embedding(num_symbols, text_channels)
        nn.init.normal_(self.embedding.weight, std=0.3)
        self.encoder = ConvNeXt(text_channels + 2, text_channels, 3 * text_channels, text_blocks)
        self.timing = ConvNeXt(text_channels, 128, 256, 2, kernel=5)
        self.timing_out = nn.Linear(128, 2)
        self.pitch = F0Head(text_channels + _PLACES, 128, 3, stride)
        self.decoder = ConvNeXt(text_channels + _PLACES + 3, channels, inner, blocks, stride=stride)
        self.out = nn.Linear(channels, stride * n_mels)

    def embed(self, symbols: Tensor, mask: Tensor) -> Tensor:
        """(B, P) to (B, C, P), zero behind an item's end."""
        return self.embedding(symbols).transpose(1, 2) * mask

    def encode(self, embedded: Tensor, mask: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, C, P) to (B, C, P) that know their neighbours, and how far the item's beginning and end are.

        `labels` (B, N) say who speaks them, and how: what is read stays the same, what comes of it does not.
        """
        since = mask.cumsum(-1)
        until = mask.sum(-1, keepdim=True) - since
        places = torch.cat([since, until], 1).clamp(0, 50) / 25 - 1
        encoded = self.encoder(torch.cat([embedded, places * mask], 1), mask)
        if self.label is not None and labels is not None:
            encoded = encoded + self.label(labels)[..., None]
        return encoded * mask

    def time(self, encoded: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, P) to each symbol's log of frames, (B, P), and its energy, (B, P)."""
        out = self.timing_out(self.timing(encoded, mask).transpose(1, 2)).float()
        return out[..., 0], out[..., 1]

    def voicing(self, encoded: Tensor, frames: Frames) -> Tensor:
        """(B, C, P) to (B, C + 3, F): what F0 is predicted from."""
        return torch.cat([frames.hold(encoded), frames.place], 1)

    def decode(self, encoded: Tensor, frames: Frames, f0: Tensor, energy: Tensor) -> Tensor:
        """To a scaled log-mel.

        Args:
            encoded: (B, C, P).
            frames: Which frame says which symbol.
            f0: (B, F) in Hz, 0 where unvoiced.
            energy: (B, P).

        Returns:
            (B, M, F).
        """
        melody = (fill_unvoiced(f0) / 200).log2() * frames.mask[:, 0]
        conditions = torch.stack([melody, (f0 > 0).float(), frames.hold(energy[:, None])[:, 0]], 1)
        features = torch.cat([frames.hold(encoded), frames.place, conditions], 1)
        return each_frame(self.decoder, self.out, features, frames.mask).transpose(1, 2).float()
