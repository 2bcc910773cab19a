"""What is heard, drawn over the spectrogram."""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from ganray.config import AudioConfig
from ganray.insight.history import Stage
from ganray.insight.reading import Reading
from ganray.metrics.plots import as_png, colour_range, mel_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DPI = 110
_MOST_PHONEMES = 40
"""On an axis; more would be written over each other."""


def maps(
    mel: np.ndarray, panels: Sequence[tuple[str, np.ndarray]], audio: AudioConfig, *, label: str, both: bool = True
) -> bytes:
    """Maps, each (M, F), in colour over a grey log-mel spectrogram, one above the other with the same colours.

    Args:
        mel: (M, F) of the clip.
        panels: (title, map).
        audio: The audio contract.
        label: Of the colours.
        both: Whether values go both ways from 0: red above, blue below; else from 0 up.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 0.5 + 1.55 * len(panels)), dpi=_DPI, layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    top = float(np.median([np.quantile(np.abs(values), 0.99) for _, values in panels])) or 1.0
    scale = Normalize(-top if both else 0, top)
    colours = "RdBu_r" if both else "Reds"
    for axis, (title, values) in zip(axes, panels, strict=True):
        _ground(axis, mel, audio)
        strength = np.clip(np.abs(values) / top, 0, 1) ** 0.5
        axis.imshow(values, **_extent(mel, audio), cmap=colours, norm=scale, alpha=0.9 * strength)
        axis.set_title(title, loc="left", fontsize=9)
    axes[-1].set_xlabel("s")
    figure.colorbar(ScalarMappable(scale, colours), ax=axes, label=label, pad=0.01, aspect=14 * len(panels))
    return as_png(figure)


def smoothed(cells: np.ndarray) -> np.ndarray:
    """(M, F) attributions averaged over 3 bands and 5 frames: what cancels out between neighbours is no finding."""
    from scipy.ndimage import uniform_filter  # type: ignore[import-untyped]

    return uniform_filter(cells, (3, 5), mode="constant")


def stages(found: Sequence[Stage], seconds: float) -> bytes:
    """What the judges say of recording and voice over training, and which frames the newest judges reject."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 2.6 + 0.35 * len(found) + 0.6), dpi=_DPI, layout="constrained")
    curve, heat = figure.subplots(2, 1, height_ratios=[2.2, 0.35 * len(found) + 0.5])
    steps = [stage.step for stage in found]
    for label, values, style in (
        ("recording, to the judges of that step", [s.real for s in found], "C2.-"),
        ("voice, to the judges of that step", [s.fake for s in found], "C3.-"),
        ("voice, to the newest judges", [s.fake_now for s in found], "C3.--"),
    ):
        curve.plot(steps, values, style, label=label, linewidth=1.4)
    curve.set(xlabel="step", ylabel="sounds real")
    curve.grid(alpha=0.25)
    curve.legend(frameon=False, fontsize=8)
    rejected = np.stack([stage.rejected for stage in found])
    top = float(np.quantile(np.abs(rejected), 0.99)) or 1.0
    extent = (0, seconds, len(found) - 0.5, -0.5)
    shown = heat.imshow(rejected, aspect="auto", extent=extent, cmap="RdBu_r", vmin=-top, vmax=top)
    heat.set_yticks(range(len(found)), [f"{step:,}" for step in steps], fontsize=8)
    heat.set(xlabel="s", ylabel="step")
    figure.colorbar(shown, ax=heat, label="rejected", pad=0.01)
    return as_png(figure)


def alignment(reading: Reading, audio: AudioConfig) -> bytes:
    """Which frame of the recording says which phoneme, and F0: the recording's, and what the voice would choose."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7.2), dpi=_DPI, layout="constrained")
    grid, track = figure.subplots(2, 1, height_ratios=[3, 1.1])
    frames, count = reading.probabilities.shape
    rate = audio.frame_rate_hz
    grid.imshow(
        reading.probabilities.T,
        origin="lower",
        aspect="auto",
        extent=(0, frames / rate, -0.5, count - 0.5),
        cmap="Purples",
    )
    ends = np.cumsum(reading.durations) / rate
    grid.step([0, *ends], [0, *range(count)], where="pre", color="#b5367a", linewidth=1.2)
    grid.set_yticks(*_named(reading.phonemes), fontsize=8)
    grid.set(xlabel="s in the recording", title="which frame says which phoneme")
    for label, f0, colour in (("recording", reading.f0, "C0"), ("the voice's own", reading.own_f0, "C3")):
        track.plot(np.arange(len(f0)) / rate, np.where(f0 > 0, f0, np.nan), color=colour, label=label, linewidth=1.4)
    track.set(xlabel="s, each in its own time", ylabel="F0 in Hz")
    track.legend(frameon=False, fontsize=8)
    track.grid(alpha=0.25)
    return as_png(figure)


def sounds(changes: np.ndarray, phonemes: Sequence[str]) -> bytes:
    """(P, P) change of the sound at one phoneme when another is left out."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.4, 6.4), dpi=_DPI, layout="constrained")
    axis = figure.subplots()
    shown = axis.imshow(changes, cmap="Purples", aspect="auto")
    places, names = _named(phonemes)
    axis.set_xticks(places, names, fontsize=8, rotation=0 if len(places) == len(phonemes) else 60)
    axis.set_yticks(places, names, fontsize=8)
    axis.set(xlabel="what is heard", ylabel="what is left out")
    figure.colorbar(shown, ax=axis, label="change of log-mel", pad=0.01)
    return as_png(figure)


def _named(phonemes: Sequence[str]) -> tuple[list[float], list[str]]:
    """Where on an axis which text is read: every phoneme, or, of more than fit there, every word at its middle."""
    if len(phonemes) <= _MOST_PHONEMES:
        return list(range(len(phonemes))), list(phonemes)
    spoken = [any(letter.isalpha() for letter in symbol) for symbol in phonemes]
    words = [list(its) for known, its in groupby(range(len(phonemes)), spoken.__getitem__) if known]
    return [(its[0] + its[-1]) / 2 for its in words], ["".join(phonemes[i] for i in its) for its in words]


def _ground(axis: "Axes", mel: np.ndarray, audio: AudioConfig) -> None:
    low, high = colour_range([mel])
    axis.imshow(mel, **_extent(mel, audio), cmap="gray_r", vmin=low, vmax=high + 0.8 * (high - low))
    ticks = mel_ticks(audio)
    axis.set_yticks([place for _, place in ticks], [f"{hz:,}" for hz, _ in ticks], fontsize=7)
    axis.set_ylabel("Hz", fontsize=8)


def _extent(mel: np.ndarray, audio: AudioConfig) -> dict[str, Any]:
    extent = (0, mel.shape[1] / audio.frame_rate_hz, 0, 1)
    return {"origin": "lower", "aspect": "auto", "extent": extent, "interpolation": "nearest"}
