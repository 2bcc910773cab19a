"""L = ce · L_ce + lambda_mse · L_mse + hinge · L_hinge + wasserstein · L_w, on the discriminators' logits.

`ce` is the first GAN's binary cross-entropy with the non-saturating generator (Goodfellow et al. 2014), `mse` least
squares with targets 1 and 0 (LSGAN, Mao et al. 2017), `hinge` that of Lim & Ye 2017, `wasserstein` the difference of
means (Arjovsky et al. 2017; its gradient penalty is in `penalty.py`). lambda_mse = 0 is the first GAN,
ce = 0 is LSGAN. Every sub-judge counts the same, whatever the size of its map.
"""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import relu, softplus

from ganray.config.run import AdversarialConfig


def discriminator_loss(real: Sequence[Tensor], fake: Sequence[Tensor], config: AdversarialConfig) -> Tensor:
    """Mean over sub-judges, a scalar; `real` and `fake` hold one tensor of logits each."""
    return sum((_told(r, f, config) for r, f in zip(real, fake, strict=True)), start=real[0].new_zeros(())) / len(real)


def generator_loss(fake: Sequence[Tensor], config: AdversarialConfig) -> Tensor:
    """Mean over sub-judges, a scalar."""
    return sum((_passed(f, config) for f in fake), start=fake[0].new_zeros(())) / len(fake)


def _told(real: Tensor, fake: Tensor, config: AdversarialConfig) -> Tensor:
    real, fake = real.float(), fake.float()
    loss = real.new_zeros(())
    if config.ce:
        loss = loss + config.ce * (softplus(-real).mean() + softplus(fake).mean())
    if config.lambda_mse:
        loss = loss + config.lambda_mse * (((real - 1) ** 2).mean() + (fake**2).mean())
    if config.hinge:
        loss = loss + config.hinge * (relu(1 - real).mean() + relu(1 + fake).mean())
    if config.wasserstein:
        loss = loss + config.wasserstein * (fake.mean() - real.mean())
    return loss


def _passed(fake: Tensor, config: AdversarialConfig) -> Tensor:
    fake = fake.float()
    loss = fake.new_zeros(())
    if config.ce:
        loss = loss + config.ce * softplus(-fake).mean()
    if config.lambda_mse:
        loss = loss + config.lambda_mse * ((fake - 1) ** 2).mean()
    if config.hinge or config.wasserstein:
        loss = loss - (config.hinge + config.wasserstein) * fake.mean()
    return loss
