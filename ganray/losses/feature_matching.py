"""L1 between a discriminator's inner features of real and fake (MelGAN, Kumar et al. 2019)."""

from collections.abc import Sequence

import torch
from torch import Tensor


def feature_matching(real: Sequence[Sequence[Tensor]], fake: Sequence[Sequence[Tensor]]) -> Tensor:
    """Mean over layers and sub-judges, a scalar; `real` takes no gradient."""
    terms = [
        (r.detach().float() - f.float()).abs().mean()
        for of_real, of_fake in zip(real, fake, strict=True)
        for r, f in zip(of_real, of_fake, strict=True)
    ]
    return torch.stack(terms).mean()
