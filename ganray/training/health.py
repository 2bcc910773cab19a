"""Whether a training goes wrong, from its own signals: no number, collapse, a discriminator that always wins."""

import math
import statistics

from ganray.config import RunConfig
from ganray.gan import GanState

REMEMBERED = 50
"""Newest values of a loss that its median is taken over."""
PATIENCE = 5
"""Measured updates in a row that must look bad: single ones happen."""
ALWAYS = 99.9
"""Percent of right answers that count as always right."""
WATCHED = ("loss/generator/mel", "loss/generator/feature_matching")


def not_a_number(losses: dict[str, float]) -> str | None:
    """Which losses or gradient norms are no finite number, in words; None when all are."""
    bad = [name for name, value in losses.items() if not math.isfinite(value)]
    return f"{', '.join(bad)} {'is' if len(bad) == 1 else 'are'} no number" if bad else None


def collapse(state: GanState, metrics: dict[str, float], config: RunConfig) -> str | None:
    """What is wrong after a measured update, in words; None while all is well.

    What it remembers lies in `state.signals`, so that a resumed run judges as one that was never killed.

    Args:
        state: After the update.
        metrics: Means over the global batch.
        config: The run's.
    """
    healing = config.healing
    if healing.loss_jump:
        for name in WATCHED:
            if name in metrics and (told := _jumped(state.signals, name, metrics[name], healing.loss_jump)):
                return told
    if "generator/level_dbfs" in metrics:
        quiet = _in_a_row(state.signals, "quiet", metrics["generator/level_dbfs"] < healing.silence_dbfs)
        if quiet >= PATIENCE:
            return f"the generator is silent ({metrics['generator/level_dbfs']:.0f} dBFS)"
    if healing.pinned_steps and "discriminator/real_percent" in metrics:
        right = min(metrics["discriminator/real_percent"], metrics["discriminator/fake_percent"]) >= ALWAYS
        if _in_a_row(state.signals, "pinned", right) * config.log.every_steps >= healing.pinned_steps:
            return f"the discriminators were always right for {healing.pinned_steps:,} updates"
    return None


def suspicious_steps(config: RunConfig) -> int:
    """How many updates a collapse is under way before it is told: checkpoints as young as this are not trusted."""
    return PATIENCE * config.log.every_steps


def _jumped(signals: dict[str, list[float]], name: str, value: float, factor: float) -> str | None:
    past = signals.setdefault(name, [])
    if len(past) >= PATIENCE:
        usual = statistics.median(past)
        if _in_a_row(signals, f"{name} high", value > factor * usual) >= PATIENCE:
            return f"{name} jumped from {usual:.3g} to {value:.3g}"
        if value > factor * usual:
            return None  # not yet usual
    signals[name] = [*past, value][-REMEMBERED:]
    return None


def _in_a_row(signals: dict[str, list[float]], name: str, happened: bool) -> float:
    count = signals.get(name, [0.0])[0] + 1 if happened else 0.0
    signals[name] = [count]
    return count
