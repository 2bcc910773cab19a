"""Exact streaming: a block is a slice of the inputs with context on each side, and the context cut off again."""

from collections.abc import Iterator

import numpy as np
import torch

from ganray.models import Generator, Inputs, slice_frames


def stream(generator: Generator, inputs: Inputs, first_frames: int, block_frames: int) -> Iterator[np.ndarray]:
    """(T,) float32 blocks that together are what the generator makes of the whole.

    Blocks begin with `first_frames` frames and double up to `block_frames`, so that sound is there soon and the context
    is paid seldom.
    """
    hop, context = generator.audio.hop_length, generator.context_frames
    num_frames, size, start = inputs["mel"].shape[-1], first_frames, 0
    while start < num_frames:
        stop = min(start + size, num_frames)
        before = max(0, start - context)
        with torch.inference_mode():
            made = generator(slice_frames(inputs, before, min(stop + context, num_frames)))[0, 0]
        yield made[(start - before) * hop : (stop - before) * hop].float().cpu().numpy()
        start, size = stop, min(2 * size, block_frames)
