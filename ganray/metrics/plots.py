"""Pictures as PNG bytes. Figures are made without pyplot, so any thread of any process may draw."""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ganray.config.audio import AudioConfig

if TYPE_CHECKING:
    from matplotlib.axis import XAxis, YAxis
    from matplotlib.figure import Figure
    from PIL.Image import Image

COLOURS = "magma"
TICKS_HZ = (250, 500, 1_000, 2_000, 4_000, 8_000, 16_000)
_MOST_NAMED = 16
"""Curves that get a colour and a name each; of more, only the best does."""
_DPI = 110
_CLOSEST = 0.1
"""Between two ticks, of the height: nearer ones would be written over each other."""


def spectrograms(mels: Mapping[str, np.ndarray], audio: AudioConfig, title: str = "") -> bytes:
    """Log-mel spectrograms, (M, F) by label, one above the other with the same axes and colours."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 0.6 + 1.7 * len(mels)), dpi=_DPI, layout="constrained")
    axes = figure.subplots(len(mels), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    low, high = colour_range(mels.values())
    ticks = mel_ticks(audio)
    for axis, (label, mel) in zip(axes, mels.items(), strict=True):
        extent = (0, mel.shape[1] / audio.frame_rate_hz, 0, 1)
        picture = axis.imshow(
            mel,
            origin="lower",
            aspect="auto",
            extent=extent,
            vmin=low,
            vmax=high,
            cmap=COLOURS,
            interpolation="nearest",
        )
        axis.set_yticks([place for _, place in ticks], [f"{hz:,}" for hz, _ in ticks])
        axis.set_ylabel("Hz")
        axis.set_title(label, loc="left", fontsize=10)
    axes[-1].set_xlabel("s")
    figure.colorbar(picture, ax=axes, label=f"log{'₁₀' if audio.log_base == '10' else ''} magnitude", pad=0.01)
    if title:
        figure.suptitle(title)
    return as_png(figure)


def strip(mel: np.ndarray, low: float, high: float) -> bytes:
    """A log-mel spectrogram, (M, F), as a bare picture of F × M points: for pages, which draw the axes themselves.

    Args:
        mel: Log magnitudes.
        low: Value of the darkest colour.
        high: Value of the brightest.
    """
    from matplotlib import colormaps
    from PIL import Image

    levels = np.clip((mel - low) / max(high - low, 1e-6), 0, 1)
    picture = Image.fromarray(np.rint(levels[::-1] * 255).astype(np.uint8))
    picture.putpalette((colormaps[COLOURS](np.arange(256))[:, :3] * 255).astype(np.uint8).tobytes())
    return _bytes(picture)


def lines(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    title: str = "",
    x_label: str = "step",
    y_label: str = "",
    log_y: bool = False,
) -> bytes:
    """Curves by label, each (x, y); values that are not finite leave a gap."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), dpi=_DPI, layout="constrained")
    axis = figure.subplots()
    for number, (label, (x, y)) in enumerate(series.items()):
        style = ("-", "--", ":")[number // 10 % 3]  # ten colours
        axis.plot(x, y, style, label=label, linewidth=1.4, marker="." if len(x) < 30 else None)
    axis.set(title=title, xlabel=x_label, ylabel=y_label, yscale="log" if log_y else "linear")
    axis.grid(alpha=0.25)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    if len(series) > 1:
        beside: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1, 0.5)} if len(series) > 3 else {}
        axis.legend(frameon=False, fontsize=9 if len(series) < 9 else 7, ncols=1 + len(series) // 12, **beside)
    return as_png(figure)


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

    figure = Figure(figsize=(9, 3.6), dpi=_DPI, layout="constrained")
    axis = figure.subplots()
    few = len(series) <= _MOST_NAMED
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
    figure = Figure(figsize=(9, 2.6 * rows), dpi=_DPI, layout="constrained")
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


def histograms(panels: Mapping[str, np.ndarray], bins: int = 40) -> bytes:
    """One histogram a panel; the outermost half percent on each side is gathered at the ends.

    Args:
        panels: Title → (N,) finite values.
        bins: Of each.
    """
    from matplotlib.figure import Figure

    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(9, 2.1 * rows + 0.3), dpi=_DPI, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, (title, values) in zip(axes, panels.items(), strict=False):
        low, high = np.percentile(values, [0.5, 99.5])
        if high > low:
            axis.hist(np.clip(values, low, high), bins=bins, color="#b5367a", alpha=0.8)
        else:  # one bar, narrow, over the one value that all have
            axis.bar([low], [len(values)], width=0.04 * (abs(low) or 1), color="#b5367a", alpha=0.8)
            axis.set_xlim(low - 0.5 * (abs(low) or 1), low + 0.5 * (abs(low) or 1))
        axis.set_title(title, fontsize=9)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.25)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    return as_png(figure)


def front(
    points: Sequence[tuple[float, float]],
    chosen: Sequence[int],
    *,
    labels: Sequence[str],
    axes: tuple[str, str],
    log_x: bool = False,
    name_all: bool = False,
) -> bytes:
    """Two measures against each other, a point a trial; those of the front are ringed and named.

    Args:
        points: (x, y) of each trial.
        chosen: Indices of the front.
        labels: One a trial.
        axes: What x and y are.
        log_x: A logarithmic x axis, where values are several times each other.
        name_all: Name every point.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), dpi=_DPI, layout="constrained")
    axis = figure.subplots()
    x, y = [point[0] for point in points], [point[1] for point in points]
    axis.scatter(x, y, s=18, alpha=0.8)
    axis.scatter([x[i] for i in chosen], [y[i] for i in chosen], s=60, facecolors="none", edgecolors="black")
    axis.set(xlabel=axes[0], ylabel=axes[1])
    axis.margins(0.15)  # for the names
    if log_x and min(x) > 0 and max(x) >= 4 * min(x):
        axis.set_xscale("log")
        decades(axis.xaxis)
    places = axis.transAxes.inverted().transform(axis.transData.transform(points))
    for index in range(len(points)) if name_all else chosen:
        left = places[index][0] > 0.6  # where the name would leave the picture
        near = np.abs(places - places[index]) < (0.25, 0.07)
        below = any(near.all(axis=1) & (places[:, 1] > places[index][1]))
        axis.annotate(
            labels[index], points[index], xytext=(-5 if left else 5, -11 if below else 4),
            textcoords="offset points", fontsize=8, ha="right" if left else "left",
        )  # fmt: skip
    axis.grid(alpha=0.25)
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
    figure = Figure(figsize=(9, 3.2 + 1.5 * len(keys)), dpi=_DPI, layout="constrained")
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
    figure = Figure(figsize=(9, 3.6), dpi=_DPI, layout="constrained")
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
            if any(abs(place - other) < 0.4 * _CLOSEST for other in taken):
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


def decades(axis: "XAxis | YAxis") -> None:
    """Name 1, 3, 10, 30, … as they are said."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


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


def colour_range(mels: Iterable[np.ndarray]) -> tuple[float, float]:
    """(Darkest, brightest) value that shows all of these log-mels, (M, F), well: the 5th percentile and the top."""
    values = np.concatenate([np.asarray(mel).ravel() for mel in mels])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    return float(np.quantile(values, 0.05)), float(np.quantile(values, 0.999))


def mel_ticks(audio: AudioConfig) -> list[tuple[int, float]]:
    """(Hz, height in the picture from 0 at its foot to 1) of the frequencies worth naming."""
    from ganray.audio import mel_filters

    filters = mel_filters(audio).numpy()
    ticks: list[tuple[int, float]] = []
    for hz in reversed(TICKS_HZ):
        if audio.f_min < hz < 0.9 * audio.f_max:
            band = int(filters[:, round(hz * audio.n_fft / audio.sample_rate)].argmax())
            place = (band + 0.5) / audio.n_mels
            if not ticks or ticks[-1][1] - place > _CLOSEST:
                ticks.append((hz, place))
    return ticks[::-1]


def as_png(figure: "Figure") -> bytes:
    """A figure as PNG of few colours."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    # A third of the bytes. Median cut, the default, spends its colours on what is frequent and leaves scales in steps.
    few = picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    return _bytes(few)


def _bytes(picture: "Image") -> bytes:
    content = io.BytesIO()
    picture.save(content, format="PNG", optimize=True)
    return content.getvalue()
