"""WGAN-GP's gradient penalty (Gulrajani et al. 2017): (|∇ D(x)| - 1)² between real and fake, item by item."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ganray.models.random import mix


def gradient_penalty(judge: Callable[[Tensor], Sequence[Tensor]], real: Tensor, fake: Tensor, key: Tensor) -> Tensor:
    """Mean over items and sub-judges, a scalar; its gradient goes to what the judge is made of.

    Args:
        judge: (B, 1, T) to one tensor (B, …) of logits a sub-judge; an item's score is their mean.
        real: (B, 1, T).
        fake: (B, 1, T).
        key: (B,) int64; where between the two each item lies comes from it.
    """
    share = ((mix(key + 2) & 0xFFFFFF).float() / 2**24).view(-1, 1, 1)
    between = torch.lerp(fake.detach().float(), real.float(), share).requires_grad_()
    with torch.enable_grad():
        logits = judge(between)
        terms = []
        for logit in logits:
            (slope,) = torch.autograd.grad(
                logit.float().reshape(len(logit), -1).mean(1).sum(), between, create_graph=True, retain_graph=True
            )
            terms.append((slope.flatten(1).norm(dim=1) - 1).square().mean())
    return torch.stack(terms).mean()
