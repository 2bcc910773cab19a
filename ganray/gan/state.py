"""`GanState`: all that a run owns. What is not in here does not survive a restart."""

import contextlib
import copy
import difflib
import fnmatch
import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ganray.config import RunConfig
from ganray.config.run import OptimiserConfig
from ganray.errors import ConfigError, Problem
from ganray.models import build_discriminators, build_generator

Network = Literal["generator", "discriminator"]


class GanState:
    """Both networks, the generator's average, both optimisers, and where the run stands.

    Random choices come from (seed, epoch, sample), and learning rates from `step` and `progress`, so there is no other
    state to keep.

    Args:
        config: The run's config; networks are initialised from its seed.
        device: Where the networks live.

    Attributes:
        step: Updates done.
        consumed: Segments drawn, over all workers: the sampler's position.
        seconds: Seconds trained, over all parts of the run.
        rollbacks: How often it was taken back to a checkpoint because training went wrong.
        signals: What the judgement of whether it goes wrong remembers: name → newest values.
    """

    def __init__(self, config: RunConfig, device: torch.device | str = "cpu") -> None:
        torch.manual_seed(config.seed)
        self.config, self.device = config, torch.device(device)
        self.generator = build_generator(config.generator, config.audio).to(device)
        self.discriminators = build_discriminators(config.discriminators, config.audio, config.data.heard_length)
        self.discriminators.to(device)
        self.average = copy.deepcopy(self.generator).eval().requires_grad_(False)
        freeze(self.generator, config.optim.generator.freeze, "optim.generator.freeze")
        freeze(self.discriminators, config.optim.discriminator.freeze, "optim.discriminator.freeze")
        self.generator_optimiser = _adamw(self.generator, config.optim.generator)
        self.discriminator_optimiser = _adamw(self.discriminators, config.optim.discriminator)
        self.step = self.consumed = self.rollbacks = 0
        self.seconds = 0.0
        self.signals: dict[str, list[float]] = {}

    @property
    def adversarial(self) -> bool:
        """Whether the discriminators take part in the coming update."""
        return len(self.discriminators) > 0 and self.step >= self.config.optim.discriminator.start_step

    def turn_of(self, network: Network) -> bool:
        """Whether the coming update changes a network. Until the discriminators start, the generator always learns."""
        if not self.adversarial:
            return network == "generator"
        return self.step % getattr(self.config.optim, network).every_steps == 0

    @contextlib.contextmanager
    def frozen_discriminators(self) -> Iterator[None]:
        """Inside, gradients go through the discriminators and stay out of them."""
        learning = [p for p in self.discriminators.parameters() if p.requires_grad]
        for parameter in learning:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in learning:
                parameter.requires_grad_(True)

    @property
    def measures_all(self) -> bool:
        """Whether the coming update also measures the losses that it doesn't train on."""
        return (self.step + 1) % self.config.log.every_steps == 0

    @property
    def progress(self) -> float:
        """How much of the run is done, 0 to 1, by its steps or its minutes, whichever is further."""
        schedule = self.config.schedule
        by_steps = self.step / schedule.max_steps if schedule.max_steps else 0.0
        by_time = self.seconds / 60 / schedule.max_minutes if schedule.max_minutes else 0.0
        return min(1.0, max(by_steps, by_time))

    def set_learning_rates(self) -> None:
        """Linear warm-up, then the schedule's decay, for the coming update; smaller after every rollback."""
        optim = self.config.optim
        healed = self.config.healing.lr_factor**self.rollbacks
        for optimiser, its, steps in (
            (self.generator_optimiser, optim.generator, self.step),
            (self.discriminator_optimiser, optim.discriminator, self.step - optim.discriminator.start_step),
        ):
            for group in optimiser.param_groups:
                group["lr"] = its.lr * self._ratio(its, max(steps, 0)) * healed

    def _ratio(self, its: OptimiserConfig, steps: int) -> float:
        """Learning rate over peak, `steps` updates after the network began to learn."""
        schedule = self.config.schedule
        warmup_steps = schedule.warmup_steps if its.warmup_steps is None else its.warmup_steps
        final = schedule.final_ratio if its.final_ratio is None else its.final_ratio
        warmup = min(1.0, (steps + 1) / (warmup_steps + 1))
        match its.decay or schedule.decay:
            case "cosine":
                return warmup * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * self.progress)))
            case "linear":
                return warmup * (final + (1 - final) * (1 - self.progress))
            case "exponential":
                return warmup * max(final, 1e-8) ** self.progress
            case _:
                return warmup

    def clip_norm(self, network: Network) -> float:
        """Largest global norm of a network's gradient; smaller after every rollback."""
        clip_norm = getattr(self.config.optim, network).clip_norm
        return clip_norm * self.config.healing.clip_factor**self.rollbacks if clip_norm else float("inf")

    def advance(self) -> None:
        """Count the update, and let the average follow (faster in the first steps, so that short runs have one)."""
        self.step += 1
        decay = min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            ours: list[Tensor] = list(self.average.parameters())
            theirs: list[Tensor] = list(self.generator.parameters())
            torch._foreach_lerp_(ours, theirs, 1 - decay)
            for ours_buffer, theirs_buffer in zip(self.average.buffers(), self.generator.buffers(), strict=True):
                ours_buffer.copy_(theirs_buffer)

    def state_dict(self) -> dict[str, Any]:
        """Everything, ready for `torch.save`."""
        return {
            "generator": self.generator.state_dict(),
            "discriminators": self.discriminators.state_dict(),
            "average": self.average.state_dict(),
            "generator_optimiser": self.generator_optimiser.state_dict(),
            "discriminator_optimiser": self.discriminator_optimiser.state_dict(),
            "step": self.step,
            "consumed": self.consumed,
            "seconds": self.seconds,
            "rollbacks": self.rollbacks,
            "signals": self.signals,
            "random": torch.get_rng_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Stand where `state` stood."""
        for name in ("generator", "discriminators", "average", "generator_optimiser", "discriminator_optimiser"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.consumed, self.seconds = state["step"], state["consumed"], state["seconds"]
        self.rollbacks, self.signals = state["rollbacks"], {name: [*v] for name, v in state["signals"].items()}
        torch.set_rng_state(state["random"].cpu())


def freeze(network: nn.Module, patterns: Sequence[str], key: str) -> None:
    """Make the parameters whose names match keep their values.

    Raises:
        ConfigError: A pattern that matches none.
    """
    names = [name for name, _ in network.named_parameters()]
    for pattern in patterns:
        chosen = set(fnmatch.filter(names, pattern))
        if not chosen:
            close = difflib.get_close_matches(pattern, names, 3, 0.3) or names[:3]
            problem = Problem(key, pattern, "no parameter has such a name", f"names are like {', '.join(close)}")
            raise ConfigError(f"{key}: {pattern} matches nothing", problems=[problem])
        for name, parameter in network.named_parameters():
            if name in chosen:
                parameter.requires_grad_(False)


def _adamw(module: nn.Module, config: OptimiserConfig) -> torch.optim.AdamW:
    parameters = [p for p in module.parameters() if p.requires_grad]
    parameters = parameters or [nn.Parameter(torch.zeros(()))]  # no discriminators, or all frozen: nothing to move
    return torch.optim.AdamW(parameters, config.lr, config.betas, weight_decay=config.weight_decay, fused=True)
