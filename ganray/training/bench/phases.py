"""Where an update's time goes, seen from outside of it: hooks of modules and optimisers, and no word in `GanStep`."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ganray.config import RunConfig
from ganray.data.batch import Batch
from ganray.gan import GanState, GanStep
from ganray.gan.step import Losses, Made, Reduce

PHASES = {
    "data": "waiting for the next batch",
    "generate": "mel spectrogram, the generator's inputs and its forward pass",
    "discriminator.forward": "the discriminators on real and fake, to learn",
    "discriminator.backward": "their gradients",
    "discriminator.rest": "their loss, accuracies, clipping",
    "generator.judge": "the discriminators on real and fake, for the generator",
    "generator.mel": "the mel loss, forward",
    "generator.stft": "the STFT loss, forward",
    "generator.backward": "gradients through losses, discriminators and generator",
    "generator.rest": "adversarial, feature-matching and F0 losses, clipping",
    "sync": "adding up gradients over workers, waiting for the slowest included",
    "optimiser": "both optimisers' steps",
    "other": "learning rates, the running average",
}
"""Every phase there is, in the order of an update."""
_JUDGING = {"discriminator": "discriminator.forward", "generator": "generator.judge"}


class Phases:
    """A stopwatch whose time belongs to the innermost open phase alone: phases never overlap, and add up to the whole.

    On a GPU every boundary waits until the device is idle, so that work is counted where it was asked for; the update
    as a whole is then slower than without phases.

    Args:
        device: Where the work is done.
        clock: Tells seconds; `time.process_time` leaves out what waited for a busy machine.

    Attributes:
        seconds: Phase → seconds so far.
    """

    def __init__(self, device: torch.device | str = "cpu", clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._waits = torch.device(device).type == "cuda"
        self._open: list[str] = []
        self._since = 0.0
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """`with phases("data"):` counts the time inside, less that of phases within."""
        self.enter(name)
        try:
            yield
        finally:
            self.leave()

    def enter(self, name: str) -> None:
        """Open a phase; the one around it pauses."""
        self._count()
        self._open.append(name)

    def leave(self) -> None:
        """Close the innermost phase."""
        self._count()
        self._open.pop()

    def take(self) -> dict[str, float]:
        """Seconds since the last call, of phases that had any, in the order of an update."""
        taken = {name: self.seconds[name] for name in PHASES if name in self.seconds}
        self.seconds = {}
        return taken

    def _count(self) -> None:
        if self._waits:
            torch.cuda.synchronize()
        now = self._clock()
        if self._open:
            inner = self._open[-1]
            self.seconds[inner] = self.seconds.get(inner, 0.0) + now - self._since
        self._since = now


class MeasuredStep(GanStep):
    """`GanStep` with a stopwatch around its parts.

    Args:
        config: The run's config.
        precision: Of everything but spectra.
        reduce: Adds up gradients over workers.
        phases: The stopwatch.
    """

    def __init__(self, config: RunConfig, precision: Literal["fp32", "bf16"], reduce: Reduce, phases: Phases) -> None:
        def timed_reduce(parameters: Iterable[nn.Parameter]) -> None:
            with phases("sync"):
                reduce(parameters)

        super().__init__(config, precision, timed_reduce, self._part)
        self.phases = phases
        self._network = ""
        self._watched: GanState | None = None
        self._watch(self.mel_loss, lambda: "generator.mel")
        self._watch(self.stft_loss, lambda: "generator.stft")

    def forward(self, state: GanState, batch: Batch) -> Losses:
        if self._watched is not state:
            self._watch_state(state)
        with self.phases("other"), self._watched_backward():
            return super().forward(state, batch)

    def generate(self, state: GanState, batch: Batch, learning: bool = True) -> Made:
        with self.phases("generate"):
            return super().generate(state, batch, learning)

    def _part(self, name: str) -> contextlib.AbstractContextManager[None]:
        self._network = name
        return self.phases(name if name in PHASES else f"{name}.rest")

    def _watch_state(self, state: GanState) -> None:
        self._watched = state
        for discriminator in state.discriminators:
            self._watch(discriminator, lambda: _JUDGING[self._network])
        for optimiser in (state.generator_optimiser, state.discriminator_optimiser):
            optimiser.register_step_pre_hook(lambda *_: self.phases.enter("optimiser"))
            optimiser.register_step_post_hook(lambda *_: self.phases.leave())

    def _watch(self, module: nn.Module, name: Callable[[], str]) -> None:
        module.register_forward_pre_hook(lambda *_: self.phases.enter(name()))
        module.register_forward_hook(lambda *_: self.phases.leave(), always_call=True)

    @contextlib.contextmanager
    def _watched_backward(self) -> Iterator[None]:
        """torch has no hook around a whole backward pass."""
        backward = Tensor.backward

        def timed(loss: Tensor, *arguments: Any, **keys: Any) -> None:
            with self.phases(f"{self._network}.backward"):
                backward(loss, *arguments, **keys)

        Tensor.backward = timed  # type: ignore[assignment, method-assign]
        try:
            yield
        finally:
            Tensor.backward = backward  # type: ignore[method-assign]
