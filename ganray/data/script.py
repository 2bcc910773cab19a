"""What is said in a clip, and the whole clip: what a text generator learns from besides a segment."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Script:
    """Whole clips and their symbols, zero behind each item's end.

    Attributes:
        symbols: (B, P) int64, places in the front-end's inventory.
        num_symbols: (B,) int64.
        padded: (B, T + 2·pad) clips with `audio.pad` samples on each side, as in `Batch`.
        f0: (B, F) Hz, 0 where unvoiced.
        num_frames: (B,) int64, not below `num_symbols`.
        start_frame: (B,) int64, where the batch's segment begins.
        labels: (B, N) weights of `ganray.text.labels`, N = 0 where nothing tells the clips apart.
    """

    symbols: Tensor
    num_symbols: Tensor
    padded: Tensor
    f0: Tensor
    num_frames: Tensor
    start_frame: Tensor
    labels: Tensor

    def to(self, device: torch.device | str) -> "Script":
        """The same on another device."""
        return Script(*(getattr(self, field.name).to(device, non_blocking=True) for field in fields(self)))

    def pin(self) -> "Script":
        """The same in page-locked memory."""
        return Script(*(getattr(self, field.name).pin_memory() for field in fields(self)))

    def split(self, count: int) -> list["Script"]:
        """`count` parts."""
        parts = zip(*(getattr(self, field.name).tensor_split(count) for field in fields(self)), strict=True)
        return [Script(*part) for part in parts]
