"""Pictures as PNG bytes. Figures are made without pyplot, so any thread of any process may draw."""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ganray.config.audio import AudioConfig

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

COLOURS = "magma"
TICKS_HZ = (250, 500, 1_000, 2_000, 4_000, 8_000, 16_000)
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
    return _png(figure)


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
    for label, (x, y) in series.items():
        axis.plot(x, y, label=label, linewidth=1.4, marker="." if len(x) < 30 else None)
    axis.set(title=title, xlabel=x_label, ylabel=y_label, yscale="log" if log_y else "linear")
    axis.grid(alpha=0.25)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    if len(series) > 1:
        axis.legend(frameon=False, fontsize=9)
    return _png(figure)


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


def _png(figure: "Figure") -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    return _bytes(picture.quantize(colors=128, dither=Image.Dither.NONE))  # a third of the bytes, no difference seen


def _bytes(picture: "Image") -> bytes:
    content = io.BytesIO()
    picture.save(content, format="PNG", optimize=True)
    return content.getvalue()
