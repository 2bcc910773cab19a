"""One adversarial update, in pure PyTorch: no Ray, no I/O, no logging."""

from collections.abc import Callable, Iterable
from typing import Literal

import torch
from torch import Tensor, nn

from ganray.audio import LogMel
from ganray.config import RunConfig
from ganray.data.batch import Batch
from ganray.gan.state import GanState
from ganray.losses import MelLoss, StftLoss, discriminator_loss, feature_matching, generator_loss

Losses = dict[str, Tensor]
"""Metric name → scalar, without gradient; this worker's mean over its items."""
Reduce = Callable[[Iterable[nn.Parameter]], None]
"""Adds up gradients over workers, in place."""


def _alone(parameters: Iterable[nn.Parameter]) -> None:
    """One worker: its gradients are the sum."""


class GanStep(nn.Module):
    """The discriminators learn to tell, then the generator learns to pass.

    `state` owns everything that changes. Each worker's loss counts as its share of the global batch and gradients are
    added up, so the update doesn't depend on how many workers share it.

    Args:
        config: The run's config.
        precision: Of everything but spectra.
        reduce: Adds up gradients over workers.
    """

    def __init__(self, config: RunConfig, precision: Literal["fp32", "bf16"] = "fp32", reduce: Reduce = _alone) -> None:
        super().__init__()
        self.config, self.precision, self.reduce = config, precision, reduce
        self.weights = config.objective.weights
        self.log_mel = LogMel(config.audio)
        self.mel_loss, self.stft_loss = MelLoss(config.audio), StftLoss()

    def forward(self, state: GanState, batch: Batch) -> Losses:
        state.set_learning_rates()
        mel = self.log_mel(batch.padded, padded=True)
        fake = self.generate(state, batch, mel)  # (B, 1, T)
        told = self.update_discriminators(state, batch, fake.detach()) if state.adversarial else {}
        passed = self.update_generator(state, batch, mel, fake)  # discriminators frozen
        state.advance()
        return told | passed

    def generate(self, state: GanState, batch: Batch, mel: Tensor) -> Tensor:
        # With the recordings' F0 until its own is good enough; then as in use, to learn to live with its errors.
        f0 = None if state.adversarial else batch.f0
        with self._autocast(batch):
            with torch.no_grad():
                inputs = state.generator.prepare(mel, batch.key, f0)
            return state.generator(inputs)

    def update_discriminators(self, state: GanState, batch: Batch, fake: Tensor) -> Losses:
        if state.step % self.config.optim.discriminator.every_steps:
            return {}
        # Items never influence each other, so one pass over both is exact.
        logits, _ = self._judge(state, batch, torch.cat([batch.real, fake]))
        real, made = zip(*(logit.chunk(2) for logit in logits), strict=True)
        loss = discriminator_loss(real, made, self.config.objective.adversarial)
        norm = self._descend(
            state.discriminator_optimiser, loss * batch.share, self.config.optim.discriminator.clip_norm
        )
        middle = 0.5 if self.config.objective.adversarial.lambda_mse else 0.0
        return {
            "loss/discriminator/total": loss.detach(),
            "discriminator/real_percent": _percent([logit > middle for logit in real]),
            "discriminator/fake_percent": _percent([logit <= middle for logit in made]),
            "norm/discriminator": norm,
        }

    def update_generator(self, state: GanState, batch: Batch, mel: Tensor, fake: Tensor) -> Losses:
        losses: Losses = {}
        total = fake.new_zeros(())
        for name, weight, loss in self._generator_losses(state, batch, mel, fake):
            losses[f"loss/generator/{name}"] = loss.detach()
            if weight:
                total = total + weight * loss
        norm = self._descend(state.generator_optimiser, total * batch.share, self.config.optim.generator.clip_norm)
        return losses | {"loss/generator/total": total.detach(), "norm/generator": norm}

    def _generator_losses(
        self, state: GanState, batch: Batch, mel: Tensor, fake: Tensor
    ) -> Iterable[tuple[str, float, Tensor]]:
        """(name, weight, loss) of every term that is trained on, or measured in this update."""

        def wanted(weight: float) -> bool:
            return weight > 0 or state.measures_all

        weights, paired = self.weights, state.generator.condition != "noise"
        if state.adversarial:
            state.discriminators.requires_grad_(False)
            logits, features = self._judge(state, batch, fake)
            yield "adversarial", weights.adversarial, generator_loss(logits, self.config.objective.adversarial)
            if paired and wanted(weights.feature_matching):
                with torch.no_grad():
                    _, wanted_features = self._judge(state, batch, batch.real)
                yield "feature_matching", weights.feature_matching, feature_matching(wanted_features, features)
            state.discriminators.requires_grad_(True)
        if paired and wanted(weights.mel):
            yield "mel", weights.mel, self.mel_loss(fake, batch.real)
        if paired and wanted(weights.stft):
            yield "stft", weights.stft, self.stft_loss(fake, batch.real)
        if state.generator.has_f0_head and wanted(weights.f0):
            with self._autocast(batch):
                yield "f0", weights.f0, state.generator.f0_loss(mel, batch.f0)

    def _judge(self, state: GanState, batch: Batch, waveform: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        logits, features = [], []
        with self._autocast(batch):
            for discriminator in state.discriminators:
                some_logits, some_features = discriminator(waveform)
                logits += some_logits
                features += some_features
        return logits, features

    def _descend(self, optimiser: torch.optim.Optimizer, loss: Tensor, clip_norm: float) -> Tensor:
        """Gradients, added up over workers, clipped by their global norm, and one step; the norm before clipping."""
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.reduce(parameters)
        norm = nn.utils.clip_grad_norm_(parameters, clip_norm or float("inf"))
        optimiser.step()
        return norm.detach()

    def _autocast(self, batch: Batch) -> torch.autocast:
        return torch.autocast(batch.padded.device.type, torch.bfloat16, enabled=self.precision == "bf16")


def _percent(hits: list[Tensor]) -> Tensor:
    """Share of true values, the mean over sub-judges, in percent."""
    return 100 * torch.stack([hit.float().mean() for hit in hits]).mean()
