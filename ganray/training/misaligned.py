"""Which clips a text generator does not believe: what is said there is not their text, or it can't hear it."""

import torch

from ganray.audio import LogMel
from ganray.config import RunConfig
from ganray.data import Split
from ganray.data.loader import read_script
from ganray.data.sampler import Draw
from ganray.models import Generator

_AT_ONCE = 8


def misaligned(generator: Generator, split: Split, config: RunConfig) -> dict[str, float]:
    """Id → certainty of every clip whose alignment is less certain than generator.least_certainty.

    Args:
        generator: Of condition "text".
        split: What it learns from.
        config: Of its run.
    """
    assert generator.symbols is not None
    device = next(generator.parameters()).device
    log_mel = LogMel(config.audio).to(device)
    found: dict[str, float] = {}
    by_length = sorted(range(len(split)), key=lambda index: int(split.num_samples[index]))
    for start in range(0, len(split), _AT_ONCE):
        draws = [Draw(0, index, 0, 0) for index in by_length[start : start + _AT_ONCE]]
        script = read_script(split, draws, config.audio, generator.symbols, []).to(device)
        with torch.inference_mode():
            certainty = generator.align(script, log_mel(script.padded, padded=True)).certainty.tolist()
        rows = zip(draws, certainty, strict=True)
        found |= {split.ids[draw.index]: its for draw, its in rows if its < generator.config.least_certainty}
    return found
