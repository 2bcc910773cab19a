"""Exact streaming: a block is a slice of the inputs with context on each side, and the context cut off again."""

from collections.abc import Iterator

import numpy as np

from ganray.voice.engine import Engine, Inputs


def stream(engine: Engine, inputs: Inputs, first_frames: int, growth: int, block_frames: int) -> Iterator[np.ndarray]:
    """(T,) float32 blocks that together are what the engine makes of the whole.

    The first block has `first_frames` frames, each next one `growth` times as many, up to `block_frames`, so that sound
    is there soon and the context is paid seldom.
    """
    hop, context = engine.audio.hop_length, engine.context_frames
    num_frames, size, start = inputs["mel"].shape[-1], first_frames, 0
    while start < num_frames:
        stop = min(start + size, num_frames)
        before, behind = max(0, start - context), min(stop + context, num_frames)
        made = engine.render({name: value[..., before:behind] for name, value in inputs.items()})
        yield made[(start - before) * hop : (stop - before) * hop]
        start, size = stop, min(growth * size, block_frames)
