"""What a device is told before the first update, and what networks become on it.

The GPU's part is for NVIDIA's from Ampere on. It has not been run on one yet.
"""

import torch

from ganray.config import RunConfig
from ganray.gan import GanState


def settle(device: torch.device, config: RunConfig) -> None:
    """Set torch's switches for this process: exact where exactness is asked for, else fast.

    fp32 products may be TF32 (10 bits of mantissa) unless `precision: fp32` or `deterministic` says otherwise; cuDNN
    tries its kernels out unless `deterministic`.
    """
    torch.use_deterministic_algorithms(config.deterministic)
    if device.type != "cuda":
        return
    rounded = config.precision != "fp32" and not config.deterministic
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = rounded
    torch.backends.cudnn.benchmark = not config.deterministic


def fitted(state: GanState, config: RunConfig) -> GanState:
    """`state` with networks as its device likes them: two-dimensional judges channels-last on a GPU, compiled if asked.

    Names, values and what checkpoints hold stay the same.
    """
    if state.device.type == "cuda":
        state.discriminators.to(memory_format=torch.channels_last)
    if config.compile:
        state.generator.compile()
        for discriminator in state.discriminators:
            discriminator.compile()
    return state
