"""Step time against workers, from what measure.py measured: a plot, and tables in Markdown on stdout.

A step on n workers takes what it computes, plus, for each of the two networks, one ring all-reduce of its gradients:

    t(n) = compute + Σ exposed(T),    T = 2·(n - 1)·latency + 2·(n - 1)/n · bytes / bandwidth

`exposed` is all of T, or with overlap what of T is longer than the network's backward pass.

Example:
    .venv/bin/python tools/scaling/model.py docs/scaling.json docs/scaling.svg
"""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

WORKERS = (2, 4, 8, 16, 32, 64, 128, 256, 512)
TOLD = (2, 8, 64, 512)
GBIT = 1e9 / 8
NOT_MEASURED_GBIT = (10, 100)
NETWORKS = ("discriminators", "generator")
BACKWARD = {"generator": "generator.backward", "discriminators": "discriminator.backward"}


def sums_s(recipe: dict[str, Any], link: dict[str, float], workers: int, width: int, network: str) -> float:
    """Seconds of the all-reduce of one network's gradients of `width` bytes a number."""
    size = recipe["parameters"][network] * width
    messages, share = 2 * (workers - 1), 2 * (workers - 1) / workers
    return messages * link["latency_s"] / 2 + share * size / link["bytes_per_s"]


def step_s(
    recipe: dict[str, Any], link: dict[str, float], workers: int, width: int = 4, overlap: bool = False
) -> float:
    """Seconds of an update, each worker having the items that were measured."""
    total = recipe["ways"]["none"]["step_s"]
    for network in NETWORKS:
        hidden = recipe["phases_s"][BACKWARD[network]] if overlap else 0.0
        total += max(0.0, sums_s(recipe, link, workers, width, network) - hidden)
    return total


def main() -> None:
    """Plot, and print tables."""
    measured, out = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    links = measured["links"]
    for mbit, told in links.items():
        print(f"\n{mbit} Mbit/s: carries {8e-6 * told['link']['bytes_per_s']:.0f} Mbit/s each way, "
              f"{1e3 * told['link']['latency_s']:.2f} ms for the smallest all-reduce\n")  # fmt: skip
        for name, recipe in told["recipes"].items():
            _print_measured(name, recipe, told["link"])
    fast = links[max(links, key=int)]
    for name, recipe in fast["recipes"].items():
        _print_model(name, recipe, _links(links))
    _plot(measured, out)


def _links(links: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Measured links, and faster ones by arithmetic: with the latency measured here."""
    found = {f"{int(mbit) / 1000:g} Gbit/s": told["link"] for mbit, told in links.items()}
    latency = min(link["latency_s"] for link in found.values())
    more = {f"{g} Gbit/s": {"latency_s": latency, "bytes_per_s": 0.95 * g * GBIT} for g in NOT_MEASURED_GBIT}
    return found | more


def _print_measured(name: str, recipe: dict[str, Any], link: dict[str, float]) -> None:
    none = recipe["ways"]["none"]["step_s"]
    print(f"| {name}, {recipe['items']} a worker | sent, MB a step | step, ms | over no sum, ms | model, ms |")
    print("|---|---|---|---|---|")
    for way, its in recipe["ways"].items():
        print(f"| {way} | {its['sent_bytes'] / 1e6:.1f} | {1e3 * its['step_s']:.0f} | "
              f"{1e3 * (its['step_s'] - none):.0f} | {_modelled(recipe, link, way)} |")  # fmt: skip
    print()


def _modelled(recipe: dict[str, Any], link: dict[str, float], way: str) -> str:
    if way == "none":
        return ""
    width, overlap = (2 if "bf16" in way else 4), "buckets" in way
    return f"{1e3 * (step_s(recipe, link, 2, width, overlap) - recipe['ways']['none']['step_s']):.0f}"


def _print_model(name: str, recipe: dict[str, Any], links: dict[str, dict[str, float]]) -> None:
    print(f"\n| {name}: step over what it computes | " + " | ".join(f"{n} workers" for n in TOLD) + " |")
    print("|---|" + "---|" * len(TOLD))
    compute = recipe["ways"]["none"]["step_s"]
    for link_name, link in links.items():
        for width, overlap, what in ((4, False, "fp32"), (2, False, "bf16"), (2, True, "bf16, overlapped")):
            cells = [f"{step_s(recipe, link, n, width, overlap) / compute:.2f}" for n in TOLD]
            print(f"| {link_name}, {what} | {' | '.join(cells)} |")
    print(
        f"\n| {name}: compute a step that makes sums a tenth of it, s | "
        + " | ".join(f"{n} workers" for n in TOLD)
        + " |"
    )
    print("|---|" + "---|" * len(TOLD))
    for link_name, link in links.items():
        for width, what in ((4, "fp32"), (2, "bf16")):
            cells = [f"{9 * sum(sums_s(recipe, link, n, width, w) for w in NETWORKS):.2f}" for n in TOLD]
            print(f"| {link_name}, {what} | {' | '.join(cells)} |")


def _plot(measured: dict[str, Any], out: Path) -> None:
    links = measured["links"]
    names = list(links[max(links, key=int)]["recipes"])
    plt.rcParams["svg.hashsalt"] = "ganray"
    figure, axes = plt.subplots(1, len(names), figsize=(5.2 * len(names), 4), squeeze=False, layout="constrained")
    for axis, name in zip(axes[0], names, strict=True):
        recipe = links[max(links, key=int)]["recipes"][name]
        compute = recipe["ways"]["none"]["step_s"]
        for colour, (link_name, link) in zip(("C3", "C1", "C0", "C2"), _links(links).items(), strict=False):
            for width, style in ((4, "-"), (2, "--")):
                values = [step_s(recipe, link, n, width) / compute for n in WORKERS]
                axis.plot(
                    WORKERS, values, style, color=colour, label=f"{link_name}, {'fp32' if width == 4 else 'bf16'}"
                )
        for colour, told in zip(("C3", "C1"), links.values(), strict=False):
            its = told["recipes"].get(name)
            for way in ("flat fp32", "flat bf16"):
                if its:
                    axis.plot(2, its["ways"][way]["step_s"] / its["ways"]["none"]["step_s"], "o", color=colour, mfc="w")
        axis.set(xscale="log", yscale="log", xlabel="workers", title=f"{name}, {recipe['items']} segments a worker")
        axis.set_xticks(WORKERS, [str(n) for n in WORKERS])
        axis.minorticks_off()
        axis.set_ylabel("step time ÷ compute time")
        axis.set_yticks([1, 1.5, 2, 3, 5, 8], ["1", "1.5", "2", "3", "5", "8"])
        axis.yaxis.set_minor_formatter("")
        axis.grid(alpha=0.3)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
    figure.savefig(out, metadata={"Date": None})


if __name__ == "__main__":
    main()
