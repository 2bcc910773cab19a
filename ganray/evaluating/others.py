"""Recordings that a set of clips is held against as a whole: of another split, so that held-out ones are a row, too."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ganray.data import Dataset, Split

MOST = 200
"""Ten minutes of clips of three seconds: a minute of work, and more move the distance by less than its interval."""
PER_CLIP = 5


@dataclass(frozen=True)
class Others:
    """Which recordings, and who embeds them: every clip that is judged takes a share of them along.

    Attributes:
        split: Name of their split.
        num: How many there are.
        shares: Clips that are judged.
    """

    split: str
    num: int
    shares: int

    @classmethod
    def beside(cls, dataset: Dataset, split: str, count: int) -> "Others | None":
        """Those for the first `count` clips of `split`: of train, else of the largest other one; None: it is alone."""
        sizes = {name: int(dataset.card["splits"][name]["clips"]) for name in dataset.splits if name != split}
        name = max(sizes, key=lambda one: (one == "train" and sizes[one] > 0, sizes[one]), default=None)
        return cls(name, min(sizes[name], MOST, PER_CLIP * count), count) if name and sizes[name] else None

    def share(self, split: Split, index: int) -> Iterator[np.ndarray]:
        """Waveforms, (T,), of the share of clip `index`: all shares together are spread evenly over the split."""
        for number in range(index, self.num, self.shares):
            yield split[number * len(split) // self.num].waveform
