import numpy as np
import pytest
import torch

from ganray.data.batch import Batch


@pytest.fixture
def batches():
    """batches(config, count, size=…, share=1) -> batches of noise with a gliding F0."""

    def make(config, count, size=None, seed=0):
        random = np.random.default_rng(seed)
        size, audio = size or config.data.batch_size, config.audio
        length = config.data.segment_length
        for _ in range(count):
            padded = 0.1 * random.standard_normal((size, length + 2 * audio.pad)).astype(np.float32)
            f0 = 150 + 50 * random.random((size, length // audio.hop_length)).astype(np.float32)
            f0[:, :3] = 0
            key = torch.from_numpy(random.integers(2**62, size=size))
            yield Batch(torch.from_numpy(padded), torch.from_numpy(f0), key, 1.0, audio.pad)

    return make
