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
DPI = 110
CLOSEST = 0.1
"""Between two ticks, of the height: nearer ones would be written over each other."""


def spectrograms(mels: Mapping[str, np.ndarray], audio: AudioConfig, title: str = "") -> bytes:
    """Log-mel spectrograms, (M, F) by label, one above the other with the same axes and colours."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 0.6 + 1.7 * len(mels)), dpi=DPI, layout="constrained")
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

    figure = Figure(figsize=(9, 3.6), dpi=DPI, layout="constrained")
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


def histograms(panels: Mapping[str, np.ndarray], bins: int = 40) -> bytes:
    """One histogram a panel; the outermost half percent on each side is gathered at the ends.

    Args:
        panels: Title → (N,) finite values.
        bins: Of each.
    """
    from matplotlib.figure import Figure

    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(9, 2.1 * rows + 0.3), dpi=DPI, layout="constrained")
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

    figure = Figure(figsize=(6, 4), dpi=DPI, layout="constrained")
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


def decades(axis: "XAxis | YAxis") -> None:
    """Name 1, 3, 10, 30, … as they are said."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


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
            if not ticks or ticks[-1][1] - place > CLOSEST:
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
