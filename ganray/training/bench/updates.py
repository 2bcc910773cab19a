"""The engine's update against the plain one: in the same process, on the same batches, block by block in turn."""

import contextlib
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from ganray.config import RunConfig
from ganray.data import Dataset
from ganray.data.batch import Batch
from ganray.data.loader import load_batches
from ganray.data.sampler import SegmentSampler
from ganray.gan import GanState, GanStep, Losses
from ganray.training.bench.phases import MeasuredStep, Phases
from ganray.training.bench.plain import PlainStep, plain_state
from ganray.training.bench.turns import Spent, Watch
from ganray.training.worker import Worker, native_precision

TOLERANCE = {"fp32": 1e-3, "bf16": 5e-2}
"""How far apart losses of equal updates may be, relative to their size: fp32 sums in another order, bf16 has 8 bits."""
BLOCK_SECONDS = 1.0
LEAST_PAIRS = 3


def compare_updates(config: RunConfig, dataset: str, worker: Worker, seconds: float) -> dict[str, Any]:
    """Blocks of updates, the engine's and the plain one in turn, for about `seconds`; three of each at least.

    Returns:
        `precision`, `step_ms` and `phases_ms` of the engine's median block; `plain_step_ms`; `plain_ratios`, plain ÷
        engine, of every pair of neighbouring blocks; and `losses` of the second update.
    """
    precision = config.precision
    if precision == "auto":
        precision = "bf16" if worker.lowest(native_precision(worker.device) == "bf16") else "fp32"
    phases = Phases(worker.device)
    step = MeasuredStep(config, precision, worker.add_gradients, phases).to(worker.device)
    plain = PlainStep(config, worker.add_gradients).to(worker.device)
    state = GanState(config, worker.device)
    symbols = state.generator.symbols
    with _batches(config, dataset, worker, symbols) as ours, _batches(config, dataset, worker, symbols) as theirs:
        engine = _Contestant(step, state, ours, worker, phases)
        other = _Contestant(plain, plain_state(config, worker.device), theirs, worker, Phases(worker.device))
        losses = _compare(engine.second(), other.second(), TOLERANCE[precision])
        one = max(engine.block(1)[0][0], 1e-6)
        count = round(worker.agree(max(1.0, BLOCK_SECONDS / one))[0])
        other.block(1)
        started = time.perf_counter()
        pairs: list[tuple[Spent, Spent]] = []
        spent: list[tuple[Spent, dict[str, float]]] = []
        while len(pairs) < LEAST_PAIRS or worker.agree(time.perf_counter() - started)[0] < seconds:
            spent.append(engine.block(count))
            pairs.append((spent[-1][0], other.block(count)[0]))
    (block, _), in_phases = sorted(spent, key=lambda pair: pair[0])[len(spent) // 2]
    return {
        "precision": precision,
        "step_ms": 1e3 * block / count,
        "phases_ms": {name: 1e3 * its / count for name, its in in_phases.items()},
        "plain_step_ms": 1e3 * statistics.median(plainly for _, (plainly, _) in pairs) / count,
        "plain_ratios": ratios(*zip(*pairs, strict=True)),
        "losses": losses,
    }


def ratios(fast: Sequence[Spent], slow: Sequence[Spent]) -> dict[str, list[float]]:
    """Slow ÷ fast, pair by pair: of seconds on the clock, and of seconds of a core."""
    pairs = list(zip(fast, slow, strict=True))
    return {"clock": [s[0] / f[0] for f, s in pairs], "core": [s[1] / f[1] for f, s in pairs]}


class _Contestant:
    def __init__(
        self, step: GanStep, state: GanState, batches: Iterator[Batch], worker: Worker, phases: Phases
    ) -> None:
        self.step, self.state, self.batches, self.worker, self.phases = step, state, batches, worker, phases

    def second(self) -> dict[str, float]:
        """Losses and gradients' norms of the second update, which show the first one's gradients."""
        self._update()
        losses, share = self._update()
        return self.worker.mean({name: losses[name] for name in losses if name.startswith(("loss/", "norm/"))}, share)

    def block(self, count: int) -> tuple[Spent, dict[str, float]]:
        """What `count` updates took, begun by all workers together, and seconds of their phases."""
        self.worker.agree(0.0)
        self._idle()
        self.phases.take()
        watch = Watch()
        for _ in range(count):
            self._update()
        self._idle()
        return watch.spent(), self.phases.take()

    def _update(self) -> tuple[Losses, float]:
        with self.phases("data"):
            batch = next(self.batches).to(self.worker.device)
        return self.step(self.state, batch), batch.share

    def _idle(self) -> None:
        if self.worker.device.type == "cuda":
            torch.cuda.synchronize()


@contextlib.contextmanager
def _batches(
    config: RunConfig, dataset: str, worker: Worker, symbols: Sequence[str] | None
) -> Iterator[Iterator[Batch]]:
    split = Dataset.open(dataset).split(config.data.split)
    sampler = SegmentSampler(split.num_samples, config.data.segment_length, config.audio.hop_length, config.seed)
    batches = load_batches(
        split,
        sampler,
        config.audio,
        segment_length=config.data.segment_length,
        batch_size=config.data.batch_size,
        rank=worker.rank,
        world_size=worker.size,
        symbols=symbols,
    )
    try:
        yield batches
    finally:
        batches.close()  # type: ignore[attr-defined]


def _compare(engine: dict[str, float], plain: dict[str, float], tolerance: float) -> dict[str, Any]:
    both = {name: {"engine": engine[name], "plain": value} for name, value in plain.items() if name in engine}
    off = {name: abs(two["engine"] - two["plain"]) / max(abs(two["plain"]), 1e-6) for name, two in both.items()}
    worst = max(value for name, value in off.items() if name.startswith("loss/"))
    return {"of": both, "largest_difference": worst, "tolerance": tolerance, "agree": worst <= tolerance}
