"""Where one update of training goes: every recipe of a mel generator, by phase and by operation; and what was
re-ordered for it, against torch's own way.

    python tools/update_profile.py --recipes vocos_small hifigan_v2 --json
    python tools/update_profile.py --operations

All in seconds of one core (what waits for a busy machine doesn't count), on noise, both networks learning.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ganray.config import RunConfig, recipe_names
from ganray.data.batch import Batch
from ganray.gan import GanState
from ganray.models import build_discriminators, load_run
from ganray.models.convnext import DepthwiseConv
from ganray.models.discriminators import mpd
from ganray.models.registry import condition_of
from ganray.training.bench.phases import MeasuredStep, Phases

PARITY = 1e-3
"""Of two ways to compute the same in fp32, relative to the largest number."""


def noise(run: RunConfig, items: int) -> Batch:
    """A batch in the shape of recordings."""
    torch.manual_seed(0)
    audio, samples = run.audio, run.data.segment_length
    f0 = 100 + 100 * torch.rand(items, samples // audio.hop_length)
    return Batch(0.1 * torch.randn(items, samples + 2 * audio.pad), f0, torch.arange(items), 1.0, audio.pad)


def measure(recipe: str, items: int, rounds: int, precision: Any) -> dict[str, Any]:
    """Phases of a recipe's median update, and its dearest operations."""
    run = load_run(recipe, ["optim.discriminator.start_step=0"])
    phases = Phases(clock=time.process_time)
    step, state, batch = MeasuredStep(run, precision, _alone, phases), GanState(run), noise(run, items)
    step(state, batch)  # allocates
    phases.take()
    taken = []
    for _ in range(rounds):
        step(state, batch)
        taken.append(phases.take())
    whole, middle = sorted(((sum(its.values()), its) for its in taken), key=lambda pair: pair[0])[rounds // 2]
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
        step(state, batch)
    events = sorted(seen.key_averages(), key=lambda event: -event.self_cpu_time_total)
    busy = sum(event.self_cpu_time_total for event in events)
    return {
        "core_s": round(whole, 3),
        "audio_s_per_core_s": round(items * run.data.segment_length / run.audio.sample_rate / whole, 3),
        "phases_percent": {name: round(100 * seconds / whole, 1) for name, seconds in middle.items()},
        "operations_percent": {event.key: round(100 * event.self_cpu_time_total / busy, 1) for event in events[:5]},
    }


def _alone(parameters: Iterable[nn.Parameter]) -> None:
    """One worker."""


Way = Callable[[Tensor], Iterable[Tensor]]


def operations() -> Iterator[tuple[str, Way, Way, Tensor]]:
    """(what, torch's way, the engine's way, input) of everything that is computed in another order."""
    depthwise = DepthwiseConv(256, 7)
    plain = nn.Conv1d(256, 256, 7, padding=3, groups=256)
    plain.load_state_dict(depthwise.state_dict())
    yield (
        "depth-wise convolution, 8 × 256 × 63",
        lambda x: [plain(x)],
        lambda x: [depthwise(x)],
        torch.randn(8, 256, 63),
    )

    small = load_run("source_filter_small")
    for channels in ((32, 128, 512), (8, 16, 32, 64, 128)):
        judge = mpd.PeriodJudge(5, channels)
        yield f"period judge, channels {channels}", _in_two(judge), _in_one(judge), 0.1 * torch.randn(4, 1, 16130)

    judges = build_discriminators(small.discriminators, small.audio, small.data.heard_length)

    def apart(x: Tensor) -> list[Tensor]:
        each = [[logit for judge in judges for logit in judge(half)[0]] for half in x.chunk(2)]
        return [torch.cat(pair) for pair in zip(*each, strict=True)]

    def together(x: Tensor) -> list[Tensor]:
        return [logit for judge in judges for logit in judge(x)[0]]

    yield "real and fake in one pass", apart, together, 0.1 * torch.randn(16, 1, small.data.heard_length)


def _in_one(judge: mpd.PeriodJudge) -> Way:
    return lambda x: [judge(x)[0]]


def _in_two(judge: mpd.PeriodJudge) -> Way:
    """The paper's way: kernels of (5, 1) over the folded waveform."""

    def act(x: Tensor) -> list[Tensor]:
        x = mpd.LEVEL * x.unflatten(-1, (-1, judge.period))
        for layer in judge.convolutions:
            y = nn.functional.conv2d(x, layer.weight[..., None], layer.bias, (*layer.stride, 1), (*layer.padding, 0))
            x = nn.functional.leaky_relu(y, 0.1)
        out = nn.functional.conv2d(x, judge.out.weight[..., None], judge.out.bias, padding=(1, 0))
        return [out[:, 0].transpose(1, 2)]

    return act


def compare(rounds: int) -> dict[str, Any]:
    """Each operation's two ways in turn, forward and backward: the median ratio, and how far apart they are."""
    told = {}
    for name, plain, ours, x in operations():
        x.requires_grad_()
        differs = 0.0
        took: dict[str, list[float]] = {"plain": [], "ours": []}
        for place in range(rounds + 1):
            gradients = []
            for way, act in (("plain", plain), ("ours", ours)):
                x.grad = None
                began = time.process_time()
                outs = list(act(x))
                sum(out.square().mean() for out in outs).backward()  # type: ignore[union-attr]
                if place:
                    took[way].append(time.process_time() - began)
                assert x.grad is not None
                gradients.append(torch.cat([*(out.detach().flatten() for out in outs), 1e3 * x.grad.flatten()]))
            differs = float((gradients[0] - gradients[1]).abs().max() / gradients[0].abs().max())
        if differs > PARITY:
            raise SystemExit(f"{name}: the two ways differ by {differs:.1e}")
        ratio = statistics.median(a / b for a, b in zip(took["plain"], took["ours"], strict=True))
        told[name] = {
            "ratio": round(ratio, 2),
            "ms": round(1e3 * statistics.median(took["ours"]), 2),
            "differs": differs,
        }
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    of_mels = [name for name in recipe_names() if condition_of(load_run(name).generator.type) == "mel"]
    parser.add_argument("--recipes", nargs="+", default=of_mels)
    parser.add_argument("--items", type=int, default=1, help="segments in a batch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--operations", action="store_true", help="only what was re-ordered")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.operations:
        told = compare(asked.rounds)
        for name, its in told.items():
            if not asked.json:
                print(f"{name}: {its['ratio']} x as fast, {its['ms']} ms; differs by {its['differs']:.0e}")
    else:
        told = {}
        for recipe in asked.recipes:
            told[recipe] = its = measure(recipe, asked.items, asked.rounds, asked.precision)
            if not asked.json:
                print(f"{recipe}: {its['core_s']} s, {its['audio_s_per_core_s']} audio-s/s; {_listed(its)}", flush=True)
    if asked.json:
        print(json.dumps(told))


def _listed(its: dict[str, Any]) -> str:
    """Phases, then operations."""
    groups = (its["phases_percent"], its["operations_percent"])
    return "; ".join(
        ", ".join(f"{name.removeprefix('aten::')} {share:g} %" for name, share in group.items() if share >= 2)
        for group in groups
    )


if __name__ == "__main__":
    main()
