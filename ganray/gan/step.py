"""One adversarial update, in pure PyTorch: no Ray, no I/O, no logging."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganray.audio import LogMel
from ganray.audio.mel import silence
from ganray.config import RunConfig
from ganray.data.batch import Batch
from ganray.gan.state import GanState, Network
from ganray.losses import MelLoss, StftLoss, discriminator_loss, feature_matching, generator_loss, gradient_penalty
from ganray.models.contract import OwnLosses, cut_frames
from ganray.models.random import mix

Losses = dict[str, Tensor]
"""Metric name → scalar, without gradient; this worker's mean over its items."""


class Made(NamedTuple):
    """What the generator made of a part."""

    mel: Tensor
    """(B, M, F) of the recorded segments."""
    fake: Tensor | None
    """(B, 1, T); None while a text generator learns only what comes before the waveform."""
    own: OwnLosses
    """Of what comes before the waveform, where it begins with text."""
    learning: bool
    """Whether gradients can go back through it."""


Judged = tuple[list[Tensor], list[list[Tensor]]]
"""One discriminator's logits and inner features, by sub-judge."""
LossOf = Callable[[Batch, Made], tuple[Tensor, Losses]]
Reduce = Callable[[Iterable[nn.Parameter]], None]
"""Adds up gradients over workers, in place."""
Phase = Callable[[str], AbstractContextManager]


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
        phase: `with phase(name):` surrounds what is done, for whoever measures time.
    """

    def __init__(
        self,
        config: RunConfig,
        precision: Literal["fp32", "bf16"] = "fp32",
        reduce: Reduce = _alone,
        phase: Phase = nullcontext,
    ) -> None:
        super().__init__()
        self.config, self.precision, self.reduce, self.phase = config, precision, reduce, phase
        self.weights = config.objective.weights
        self.log_mel = LogMel(config.audio)
        self.mel_loss, self.stft_loss = MelLoss(config.audio), StftLoss()

    def forward(self, state: GanState, batch: Batch) -> Losses:
        state.set_learning_rates()
        parts = batch.split(self.config.data.accumulate)
        # A fake that is the only part's is made once, for both networks. Of several parts only one graph is ever kept.
        with self.phase("generate"):
            made = [self.generate(state, part, learning=len(parts) == 1) for part in parts]
        with self.phase("discriminator"):
            told = self.update_discriminators(state, parts, made) if state.turn_of("discriminator") else {}
        with self.phase("generator"):
            passed = self.update_generator(state, parts, made) if state.turn_of("generator") else {}
        state.advance()
        return told | passed

    def generate(self, state: GanState, batch: Batch, learning: bool = True) -> Made:
        mel = self.log_mel(batch.padded, padded=True)
        learning = learning and state.turn_of("generator")
        with self._autocast(batch), torch.set_grad_enabled(learning):
            if batch.script is not None:
                return self._speak(state, batch, mel, learning)
            # With the recordings' F0 until its own is good enough; then as in use, to learn to live with its errors.
            with torch.no_grad():
                inputs = state.generator.prepare(mel, batch.key, None if state.adversarial else batch.f0)
            return Made(mel, state.generator(inputs), {}, learning)

    def _speak(self, state: GanState, batch: Batch, mel: Tensor, learning: bool) -> Made:
        assert batch.script is not None
        with torch.no_grad():
            clips = self.log_mel(batch.script.padded, padded=True)
        said, own = state.generator.learn(batch.script, clips)
        if not state.adversarial:  # what is said is not yet worth a waveform
            return Made(mel, None, own, learning)
        cut = cut_frames(said, batch.script.start_frame, mel.shape[-1], silence(self.config.audio))
        # In the recordings' time and F0, so that there is a recording to be compared with.
        return Made(mel, state.generator(state.generator.prepare(cut, batch.key, batch.f0)), own, learning)

    def update_discriminators(self, state: GanState, parts: Sequence[Batch], made: Sequence[Made]) -> Losses:
        def loss(part: Batch, made: Made) -> tuple[Tensor, Losses]:
            assert made.fake is not None
            # Items never influence each other, so one pass over both is exact.
            waveforms = self._heard(part, part.real), self._heard(part, made.fake.detach())
            logits = [judged for judged, _ in self._judge(state, part, torch.cat(waveforms), part.key.repeat(2))]
            real, fake = zip(*(logit.chunk(2) for judged in logits for logit in judged), strict=True)
            adversarial, told = self.config.objective.adversarial, self._accuracy(logits)
            total = discriminator_loss(real, fake, adversarial)
            if adversarial.gradient_penalty:
                penalty = self._penalty(state, part, *waveforms)
                told["loss/discriminator/gradient_penalty"] = penalty.detach()
                total = total + adversarial.gradient_penalty * penalty
            return total, told

        return self._learn(state, "discriminator", parts, made, loss)

    def update_generator(self, state: GanState, parts: Sequence[Batch], made: Sequence[Made]) -> Losses:
        def loss(part: Batch, made: Made) -> tuple[Tensor, Losses]:
            made = made if made.learning else self.generate(state, part)
            losses: Losses = {}
            if state.measures_all and made.fake is not None:
                losses["generator/level_dbfs"] = (
                    20 * made.fake.detach().flatten(1).std(1).mean().clamp_min(1e-10).log10()
                )
            total = made.mel.new_zeros(())
            for name, weight, term in self._generator_losses(state, part, made):
                losses[f"loss/generator/{name}"] = term.detach()
                if weight:
                    total = total + weight * term
            return total, losses

        with state.frozen_discriminators():
            return self._learn(state, "generator", parts, made, loss)

    def _generator_losses(self, state: GanState, batch: Batch, made: Made) -> Iterable[tuple[str, float, Tensor]]:
        """(name, weight, loss) of every term that is trained on, or measured in this update."""

        def wanted(weight: float) -> bool:
            return weight > 0 or state.measures_all

        weights, fake = self.weights, made.fake
        for name, term in made.own.items():
            yield name, getattr(weights, name), term
        if fake is None:
            return
        paired = state.generator.condition != "noise"
        if state.adversarial:
            judged = self._judge(state, batch, self._heard(batch, fake), batch.key)
            logits = [logit for some, _ in judged for logit in some]
            yield "adversarial", weights.adversarial, generator_loss(logits, self.config.objective.adversarial)
            if paired and wanted(weights.feature_matching):
                with torch.no_grad():
                    wanted_features = [
                        maps for _, maps in self._judge(state, batch, self._heard(batch, batch.real), batch.key)
                    ]
                features = [maps for _, maps in judged]
                matching = feature_matching([*chain(*wanted_features)], [*chain(*features)])
                yield "feature_matching", weights.feature_matching, matching
        if paired and wanted(weights.mel):
            yield "mel", weights.mel, self.mel_loss(fake, batch.real)
        if paired and wanted(weights.stft):
            yield "stft", weights.stft, self.stft_loss(fake, batch.real)
        if state.generator.has_f0_head and wanted(weights.f0):
            with self._autocast(batch):
                yield "f0", weights.f0, state.generator.f0_loss(made.mel, batch.f0)

    def _heard(self, batch: Batch, waveform: Tensor) -> Tensor:
        """The stretch of every item that the discriminators hear: of real and fake the same, from the item's key."""
        length, hop = self.config.data.heard_length, self.config.audio.hop_length
        spare_frames = (waveform.shape[-1] - length) // hop
        if spare_frames <= 0:
            return waveform
        start = mix(batch.key + 1) % (spare_frames + 1) * hop
        return waveform.gather(-1, (start[:, None] + torch.arange(length, device=start.device))[:, None])

    def _judge(self, state: GanState, batch: Batch, waveform: Tensor, key: Tensor) -> list[Judged]:
        with self._autocast(batch):
            return [judge(waveform, key) if judge.takes_key else judge(waveform) for judge in state.discriminators]

    def _penalty(self, state: GanState, batch: Batch, real: Tensor, fake: Tensor) -> Tensor:
        """In fp32: the slope of a slope leaves little of bf16's digits."""

        def judge(waveform: Tensor) -> list[Tensor]:
            with torch.autocast(waveform.device.type, enabled=False):
                judged = [d(waveform, batch.key) if d.takes_key else d(waveform) for d in state.discriminators]
            return [logit for logits, _ in judged for logit in logits]

        return gradient_penalty(judge, real, fake, batch.key)

    def _accuracy(self, logits: list[list[Tensor]]) -> Losses:
        """Share of right answers on real and on fake, in percent: over all sub-judges, and by discriminator."""
        middle = 0.5 if self.config.objective.adversarial.lambda_mse else 0.0
        hits = [[(logit > middle).float().chunk(2) for logit in judged] for judged in logits]
        rows = {f"discriminator/{place}_{c.type}": hits[place] for place, c in enumerate(self.config.discriminators)}
        rows["discriminator"] = [*chain(*hits)]
        told = {}
        for name, pairs in rows.items():
            told[f"{name}/real_percent"] = 100 * torch.stack([real.mean() for real, _ in pairs]).mean()
            told[f"{name}/fake_percent"] = 100 * torch.stack([1 - fake.mean() for _, fake in pairs]).mean()
        return told

    def _learn(
        self, state: GanState, name: Network, parts: Sequence[Batch], made: Sequence[Made], loss_of: LossOf
    ) -> Losses:
        """Gradients of all parts, added up over workers, clipped by their global norm, and one step."""
        optimiser: Optimizer = getattr(state, f"{name}_optimiser")
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        optimiser.zero_grad(set_to_none=True)
        whole = sum(part.share for part in parts)
        told: Losses = {}
        for part, its in zip(parts, made, strict=True):
            loss, losses = loss_of(part, its)
            (loss * part.share).backward()
            for key, value in (losses | {f"loss/{name}/total": loss.detach()}).items():
                told[key] = told.get(key, 0) + value * (part.share / whole)
        self.reduce(parameters)
        told[f"norm/{name}"] = nn.utils.clip_grad_norm_(parameters, state.clip_norm(name)).detach()
        optimiser.step()
        return told

    def _autocast(self, batch: Batch) -> torch.autocast:
        return torch.autocast(batch.padded.device.type, torch.bfloat16, enabled=self.precision == "bf16")
