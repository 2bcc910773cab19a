"""Which segments an update sees: a function of (seed, position), never of how many workers there are.

An epoch holds every clip once for each segment that fits into it, in a random order and cut at random places. A run's
position is the number of segments drawn so far over all workers; that one number is all there is to resume.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Draw:
    """One segment.

    Attributes:
        epoch: Counted from 0.
        index: Of the clip in its split.
        start_frame: Where it begins.
        key: All further random choices of this item come from it.
    """

    epoch: int
    index: int
    start_frame: int
    key: int


class SegmentSampler:
    """The endless, reproducible sequence of segments.

    Args:
        num_samples: Length of every clip, in samples.
        segment_length: Of what is drawn, in samples; a multiple of hop_length.
        hop_length: Segments begin on frames.
        seed: The run's.
    """

    def __init__(self, num_samples: np.ndarray, segment_length: int, hop_length: int, seed: int) -> None:
        self.seed = seed
        self._spare_frames = np.maximum(num_samples - segment_length, 0) // hop_length
        times = np.maximum(1, np.rint(num_samples / segment_length).astype(np.int64))
        self._clips = np.repeat(np.arange(len(num_samples)), times)
        self._epoch, self._order = -1, self._clips

    def __len__(self) -> int:
        """Segments in an epoch."""
        return len(self._clips)

    def draw(self, position: int) -> Draw:
        """The segment at `position`."""
        epoch, offset = divmod(position, len(self))
        if epoch != self._epoch:
            order = np.random.Generator(np.random.Philox(key=[self.seed, epoch])).permutation(len(self))
            self._epoch, self._order = epoch, order
        slot = int(self._order[offset])
        random = np.random.Generator(np.random.Philox(key=[self.seed, epoch], counter=[0, 0, 1, slot]))
        index = int(self._clips[slot])
        start_frame = int(random.integers(self._spare_frames[index] + 1))
        return Draw(epoch, index, start_frame, int(random.integers(2**62)))

    def share(self, position: int, batch_size: int, rank: int, world_size: int) -> list[Draw]:
        """One worker's part of the global batch that begins at `position`; parts differ by one item at most."""
        mine = np.array_split(np.arange(position, position + batch_size), world_size)[rank]
        return [self.draw(int(place)) for place in mine]
