"""A sweep's pictures as PNG bytes: how trials learned, what their values did, who was copied from whom."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ganray.metrics.plots import CLOSEST, DPI, as_png, decades

MOST_NAMED = 16
"""Curves that get a colour and a name each; of more, only the best does."""


def curves(
    series: Mapping[str, Sequence[tuple[int, float]]],
    *,
    y_label: str,
    best: str | None = None,
    stopped: Sequence[str] = (),
    wrong: Sequence[str] = (),
) -> bytes:
    """Learning curves of many trials, and how each ended.

    Args:
        series: Label → (step, score) of every validation.
        y_label: Of the score.
        best: Which one is drawn thick.
        stopped: Those that end in a ring.
        wrong: Those that end in a cross.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), dpi=DPI, layout="constrained")
    axis = figure.subplots()
    few = len(series) <= MOST_NAMED
    for number, (label, points) in enumerate(series.items()):
        x, y = zip(*points, strict=True)
        first = label == best
        colour = f"C{number % 10}" if few else ("black" if first else "C0")
        style: dict[str, Any] = {"color": colour, "linewidth": 2.6 if first else 1.2, "zorder": 3 if first else 2}
        style |= {"alpha": 1 if few or first else 0.35, "linestyle": ("-", "--")[number // 10 % 2] if few else "-"}
        axis.plot(x, y, label=label if few or first else None, marker="." if len(x) == 1 else None, **style)
        end: dict[str, Any] = {"color": colour, "alpha": style["alpha"], "zorder": 4}
        if label in stopped:
            axis.plot(x[-1], y[-1], "o", markerfacecolor="white", markersize=5, **end)
        if label in wrong:
            axis.plot(x[-1], y[-1], "x", markersize=7, **end)
    axis.set(xlabel="step", ylabel=y_label)
    axis.grid(alpha=0.25)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    axis.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return as_png(figure)


def slices(
    panels: Mapping[str, tuple[Sequence[Any], Sequence[float]]],
    *,
    y_label: str = "",
    best: int | None = None,
    partial: Sequence[int] = (),
) -> bytes:
    """A score over each key's values, one panel a key; numbers that span decades have a logarithmic axis.

    Args:
        panels: Key → (values, scores), of the same trials in the same order.
        y_label: Of the score.
        best: Which trial is marked.
        partial: Trials that did not use their budget, which are drawn hollow.
    """
    from matplotlib.figure import Figure

    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(9, 2.6 * rows), dpi=DPI, layout="constrained")
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for axis, (key, (values, scores)) in zip(axes, panels.items(), strict=False):
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        x = list(values) if numbers else [str(value) for value in values]
        whole = [i for i in range(len(x)) if i not in partial]
        axis.scatter([x[i] for i in whole], [scores[i] for i in whole], s=20, color="C0")
        hollow = {"facecolors": "none", "edgecolors": "C0"}
        axis.scatter([x[i] for i in partial], [scores[i] for i in partial], s=20, alpha=0.6, **hollow)
        if best is not None:
            axis.scatter([x[best]], [scores[best]], s=60, facecolors="none", edgecolors="black")
        if numbers and min(values) > 0 and max(values) >= 8 * min(values):
            axis.set_xscale("log")
            decades(axis.xaxis)
        elif numbers and min(values) == 0 and max(values) >= 8 * (least := min(v for v in values if v > 0)):
            axis.set_xscale("symlog", linthresh=least)
            axis.set_xticks(sorted(set(values)), [f"{value:g}" for value in sorted(set(values))])
        elif numbers:
            axis.locator_params(axis="x", nbins=4)  # 0.0002, 0.0004, … are long
        axis.set_title(key, fontsize=9)
        axis.grid(alpha=0.25)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    for axis in axes[::columns]:
        axis.set_ylabel(y_label)
    return as_png(figure)


def lineage(
    histories: Mapping[str, Sequence[tuple[int, float]]],
    moves: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    y_label: str,
) -> bytes:
    """A population over its steps: each member's score, the copies between them, and below it every key's values.

    Args:
        histories: Member → (step, score).
        moves: Member → {"step", "from", "config"} of its beginning and of every copy.
        y_label: Of the score.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    keys = list(dict.fromkeys(key for its in moves.values() for move in its for key in move["config"]))
    figure = Figure(figsize=(9, 3.2 + 1.5 * len(keys)), dpi=DPI, layout="constrained")
    first, *others = figure.subplots(1 + len(keys), 1, sharex=True, squeeze=False, height_ratios=[2] + [1] * len(keys))[
        :, 0
    ]
    end = max((step for its in histories.values() for step, _ in its), default=1)
    for number, (name, its) in enumerate(histories.items()):
        colour = colormaps["tab10"](number % 10)
        edges = [move["step"] for move in moves[name]] + [end]
        for since, until, move in zip(edges, edges[1:], moves[name], strict=False):
            part = [point for point in its if since < point[0] <= until]
            if move["from"] is not None:
                begin = next((point for point in reversed(histories[move["from"]]) if point[0] == since), None)
                own = next((point for point in reversed(its) if point[0] <= since), None)
                if begin and own:
                    first.plot([own[0], since], [own[1], begin[1]], ":", color=colour, linewidth=1.2)
                part = [begin, *part] if begin else part
            if part:
                first.plot(
                    *zip(*part, strict=True), color=colour, linewidth=1.4, marker=".", label=name if not since else None
                )
        for axis, key in zip(others, keys, strict=True):
            values = [move["config"][key] for move in moves[name]]
            axis.step(edges, [*values, values[-1]], where="post", color=colour, linewidth=1.4)
            axis.set_ylabel(key.rpartition(".")[0].rpartition(".")[2] + "." + key.rpartition(".")[2], fontsize=8)
    for axis, key in zip(others, keys, strict=True):
        values = [move["config"][key] for its in moves.values() for move in its]
        if all(isinstance(v, int | float) for v in values) and min(values) > 0 and max(values) >= 4 * min(values):
            axis.set_yscale("log")
            decades(axis.yaxis)
    for axis in (first, *others):
        axis.grid(alpha=0.25)
    first.set_ylabel(y_label)
    first.legend(frameon=False, fontsize=8, ncols=4)
    (others[-1] if others else first).set_xlabel("step")
    return as_png(figure)


def parallel(tried: Sequence[Mapping[str, Any]], scores: Sequence[float], *, label: str, higher: bool) -> bytes:
    """Parallel coordinates: one line a trial through its values and to its score; better ones are darker, and on top.

    Args:
        tried: Key → value, of each trial.
        scores: One a trial.
        label: Of the score.
        higher: Whether a higher one is better.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    keys = list(dict.fromkeys(key for sample in tried for key in sample))
    columns = [_places([sample.get(key) for sample in tried]) for key in keys] + [_places(list(scores))]
    figure = Figure(figsize=(9, 3.6), dpi=DPI, layout="constrained")
    axis = figure.subplots()
    order = np.argsort(scores if higher else -np.asarray(scores, float))
    for rank, trial in enumerate(order):
        share = (rank + 1) / len(order)
        line = [places[trial] for places, _ in columns]
        axis.plot(
            range(len(columns)), line, color=colormaps["viridis_r"](share), alpha=0.3 + 0.7 * share, linewidth=1.5
        )
    for at, (_, ticks) in enumerate(columns):
        axis.axvline(at, color="black", linewidth=0.8)
        taken: list[float] = []
        for text, place in sorted(ticks, key=lambda tick: -abs(tick[1] - 0.5)):  # the ends first
            if any(abs(place - other) < 0.4 * CLOSEST for other in taken):
                continue  # they would be written over each other
            taken.append(place)
            ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
            axis.annotate(
                text, (at, place), xytext=(4, 0), textcoords="offset points", fontsize=7, va="center", bbox=ground
            )
    axis.set_xticks(range(len(columns)), [*keys, label], fontsize=8)
    axis.set_yticks([])
    axis.set_xlim(-0.1, len(columns) - 0.6)
    for side in ("top", "right", "left", "bottom"):
        axis.spines[side].set_visible(False)
    return as_png(figure)


def _places(values: list[Any]) -> tuple[list[float], list[tuple[str, float]]]:
    """Each value's place from 0 to 1, and (text, place) of those worth naming; by logarithm over decades."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if not numbers:
        names = list(dict.fromkeys(map(str, values)))
        place = {name: (number + 0.5) / len(names) for number, name in enumerate(names)}
        return [place[str(value)] for value in values], list(place.items())
    scale = np.asarray(values, float)
    if scale.min() > 0 and scale.max() >= 8 * scale.min():
        scale = np.log(scale)
    span = np.ptp(scale) or 1.0
    places = ((scale - scale.min()) / span).tolist()
    ends = {f"{value:.3g}": place for value, place in sorted(zip(values, places, strict=True))}
    named = list(ends.items())
    return places, [named[0], named[-1]] if len(named) > 3 else named
