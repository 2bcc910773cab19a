"""What a generator's inference gains by what, and where its time goes: every recipe of a mel generator, in one run.

    python tools/generator_speed.py --recipes hifigan_v1 vocos --json

The reference is the plain module as it is trained, in fp32 without gradients. Each variant is timed in turn, round
after round, in seconds of one core (what waits for a busy machine doesn't count), and compared with the reference.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ganray.config import RunConfig, recipe_names
from ganray.models import build_generator, load_run
from ganray.models.contract import remove_weight_norm
from ganray.models.registry import condition_of

PARITY = 1e-4
"""Of a variant in fp32, on samples between -1 and 1."""


def built(run: RunConfig) -> Any:
    """The generator, with the same weights each time."""
    torch.manual_seed(0)
    return build_generator(run.generator, run.audio).eval()


def spoken(generator: Any, inputs: Any, bf16: bool) -> Tensor:
    """One pass."""
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        return generator(inputs).float()


def core_seconds(act: Callable[[], Any]) -> float:
    """Of this process."""
    began = time.process_time()
    act()
    return time.process_time() - began


def profile(generator: Any, inputs: Any, rows: int = 5) -> dict[str, float]:
    """Operation → percent of a pass, the largest first."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
        spoken(generator, inputs, False)
    events = sorted(seen.key_averages(), key=lambda event: -event.self_cpu_time_total)
    whole = sum(event.self_cpu_time_total for event in events)
    return {event.key: round(100 * event.self_cpu_time_total / whole, 1) for event in events[:rows]}


def measure(recipe: str, seconds: float, rounds: int) -> dict[str, Any]:
    """All variants of a recipe's generator, freshly initialised."""
    run = load_run(recipe)
    # Built twice: a copy with weight normalisation shares its class, and folding one would break the other.
    generator, folded = built(run), remove_weight_norm(built(run))
    mel = torch.randn(1, run.audio.n_mels, round(seconds * run.audio.frame_rate_hz)) * 1.5 - 4
    inputs = generator.prepare(mel, torch.tensor([1]))
    seconds = mel.shape[-1] / run.audio.frame_rate_hz
    its = {"plain": (generator, False), "folded": (folded, False), "folded bf16": (folded, True)}
    wanted = spoken(generator, inputs, False)
    differs = {name: float((spoken(one[0], inputs, one[1]) - wanted).abs().max()) for name, one in its.items()}
    took: dict[str, list[float]] = {name: [] for name in its}
    for _ in range(rounds):
        for name, (module, bf16) in its.items():
            took[name].append(core_seconds(lambda module=module, bf16=bf16: spoken(module, inputs, bf16)))
    middle = {name: statistics.median(values) for name, values in took.items()}
    if differs["folded"] > PARITY:
        raise SystemExit(f"{recipe}: folded weights differ by {differs['folded']:.1e}")
    return {
        "times_real_time": {name: round(seconds / value, 2) for name, value in middle.items()},
        "ratio": {name: round(middle["plain"] / value, 2) for name, value in middle.items()},
        "differs": {name: float(f"{value:.1e}") for name, value in differs.items()},
        "profile_percent": profile(its["folded"][0], inputs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    of_mels = [name for name in recipe_names() if condition_of(load_run(name).generator.type) == "mel"]
    parser.add_argument("--recipes", nargs="+", default=of_mels)
    parser.add_argument("--seconds", type=float, default=2.0, help="of speech in a pass")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    told = {}
    for recipe in asked.recipes:
        told[recipe] = its = measure(recipe, asked.seconds, asked.rounds)
        if not asked.json:
            fast, ratio = its["times_real_time"], its["ratio"]
            where = ", ".join(
                f"{name.removeprefix('aten::')} {share:g} %" for name, share in its["profile_percent"].items()
            )
            each = ", ".join(f"{name} {fast[name]} x ({ratio[name]})" for name in fast)
            print(f"{recipe}: {each}; {where}", flush=True)
    if asked.json:
        print(json.dumps(told))


if __name__ == "__main__":
    main()
