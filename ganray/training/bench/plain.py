"""The update as published GAN vocoder recipes write it, to compare with: nothing in it is wrong, all of it is plain.

After the training loop that came with HiFi-GAN (Kong et al. 2020) and was taken over by many: fp32; the discriminators
judge real and fake in passes of their own, and both again for the generator; its loss is differentiated with respect to
the discriminators too, through real features as well, and those gradients are thrown away; AdamW with its defaults.
The networks and the objective are the recipe's own, so that only the update differs.
"""

from itertools import chain

import torch
from torch import Tensor, nn

from ganray.config import RunConfig
from ganray.config.run import OptimiserConfig
from ganray.data.batch import Batch
from ganray.gan import GanState, GanStep
from ganray.gan.state import Network
from ganray.gan.step import Losses, Reduce
from ganray.losses import discriminator_loss, generator_loss


class PlainStep(GanStep):
    """One update, the plain way. Only `generate`, the losses and what is heard are shared with the engine.

    Args:
        config: The run's config; its discriminators take part from the first step on.
        reduce: Adds up gradients over workers.
    """

    def __init__(self, config: RunConfig, reduce: Reduce) -> None:
        super().__init__(config, "fp32", reduce)

    def forward(self, state: GanState, batch: Batch) -> Losses:
        weights, adversarial = self.weights, self.config.objective.adversarial
        paired = state.generator.condition != "noise"
        state.set_learning_rates()
        mel, fake, own, _ = self.generate(state, batch)
        assert fake is not None
        real_heard, fake_heard = self._heard(batch, batch.real), self._heard(batch, fake)

        state.discriminator_optimiser.zero_grad()
        real_logits, _ = self._judged(state, real_heard)
        fake_logits, _ = self._judged(state, fake_heard.detach())
        told = discriminator_loss(real_logits, fake_logits, adversarial)
        told_norm = self._descend(state, "discriminator", told, batch)

        state.generator_optimiser.zero_grad()
        fake_logits, fake_features = self._judged(state, fake_heard)
        terms = {"adversarial": (weights.adversarial, generator_loss(fake_logits, adversarial))}
        if paired and weights.feature_matching:
            _, real_features = self._judged(state, real_heard)
            terms["feature_matching"] = weights.feature_matching, _matching(real_features, fake_features)
        if paired and weights.mel:
            terms["mel"] = weights.mel, self.mel_loss(fake, batch.real)
        if paired and weights.stft:
            terms["stft"] = weights.stft, self.stft_loss(fake, batch.real)
        if state.generator.has_f0_head and weights.f0:
            terms["f0"] = weights.f0, state.generator.f0_loss(mel, batch.f0)
        terms |= {name: (getattr(weights, name), term) for name, term in own.items()}
        total = torch.stack([weight * term for weight, term in terms.values()]).sum()
        norm = self._descend(state, "generator", total, batch)
        state.advance()

        losses = {f"loss/generator/{name}": term.detach() for name, (_, term) in terms.items()}
        losses |= {"loss/generator/total": total.detach(), "loss/discriminator/total": told.detach()}
        return losses | {"norm/generator": norm, "norm/discriminator": told_norm}

    def _judged(self, state: GanState, waveform: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        judged = [discriminator(waveform) for discriminator in state.discriminators]
        return [*chain(*(logits for logits, _ in judged))], [*chain(*(features for _, features in judged))]

    def _descend(self, state: GanState, name: Network, loss: Tensor, batch: Batch) -> Tensor:
        optimiser = getattr(state, f"{name}_optimiser")
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        (loss * batch.share).backward()
        self.reduce(parameters)
        norm = nn.utils.clip_grad_norm_(parameters, state.clip_norm(name))
        optimiser.step()
        return norm.detach()


def _matching(real: list[list[Tensor]], fake: list[list[Tensor]]) -> Tensor:
    """Feature matching that lets gradients into real features, as published."""
    pairs = zip(chain(*real), chain(*fake), strict=True)
    return torch.stack([(r.float() - f.float()).abs().mean() for r, f in pairs]).mean()


def plain_state(config: RunConfig, device: torch.device | str) -> GanState:
    """A fresh state whose optimisers are AdamW as torch gives it, not fused."""
    state, optim = GanState(config, device), config.optim
    state.generator_optimiser = _adamw(state.generator, optim.generator)
    state.discriminator_optimiser = _adamw(state.discriminators, optim.discriminator)
    return state


def _adamw(network: nn.Module, config: OptimiserConfig) -> torch.optim.AdamW:
    return torch.optim.AdamW(network.parameters(), config.lr, config.betas, weight_decay=config.weight_decay)
