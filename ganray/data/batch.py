"""What one update sees."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ganray.data.script import Script


@dataclass(frozen=True)
class Batch:
    """Segments of recordings; this worker's share of the global batch.

    Attributes:
        padded: (B, T + 2·pad) segments with `audio.pad` real samples on each side, so that their mel spectrogram is
            a cut from that of the whole recording.
        f0: (B, F) Hz, 0 where unvoiced.
        key: (B,) int64; all randomness of item b comes from key[b].
        share: Items here over items in the global batch.
        pad: Samples of padding on each side.
        script: What is said, and the whole clips; where the generator learns from text.
        spoilt: Indices of clips that could not be read, or held samples that are no numbers: silence stands for them.
    """

    padded: Tensor
    f0: Tensor
    key: Tensor
    share: float
    pad: int
    script: Script | None = None
    spoilt: tuple[int, ...] = ()

    @property
    def real(self) -> Tensor:
        """(B, 1, T) the segments alone."""
        return self.padded[:, None, self.pad : self.padded.shape[-1] - self.pad]

    def to(self, device: torch.device | str) -> "Batch":
        """The same on another device."""
        move = {name: getattr(self, name).to(device, non_blocking=True) for name in ("padded", "f0", "key")}
        return replace(self, **move, script=self.script and self.script.to(device))

    def pin(self) -> "Batch":
        """The same in page-locked memory, from which `to` copies while the GPU works."""
        pinned = {name: getattr(self, name).pin_memory() for name in ("padded", "f0", "key")}
        return replace(self, **pinned, script=self.script and self.script.pin())

    def split(self, count: int) -> list["Batch"]:
        """`count` parts whose shares add up to this one's; fewer where there are fewer items."""
        size, pieces = len(self.key), min(count, len(self.key))
        if pieces <= 1:
            return [self]
        fields = (getattr(self, name).tensor_split(pieces) for name in ("padded", "f0", "key"))
        scripts = self.script.split(pieces) if self.script else [None] * pieces
        return [
            replace(self, padded=padded, f0=f0, key=key, share=self.share * len(key) / size, script=script)
            for padded, f0, key, script in zip(*fields, scripts, strict=True)
        ]
