"""What a measure is, and what all of them ask of a pair of waveforms."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.errors import ConfigError, DataError, UsageError

LONGEST_DIFFERENCE_S = 0.05
"""An estimate may be this much longer or shorter than its reference (or one hop, if that is more): both are cropped."""
SILENCE = 1e-4
"""A waveform whose peak is below this (-80 dBFS, three steps of 16 bits) is silent."""

GROUPS = {
    "ear": "What a listener would say",
    "words": "What is understood",
    "likeness": "How near it is to the recording",
    "pitch": "Melody and voicing",
    "signal": "The signal itself",
}
"""What measures are about, in reading order."""
Function = Callable[[Any, np.ndarray, int, AudioConfig], float]
"""(reference (T,), text or None, estimate (T,), sample_rate in Hz, audio contract) → value."""


@dataclass(frozen=True)
class Measure:
    """One objective measure."""

    name: str
    unit: str
    better: Literal["higher", "lower", "neither"]
    """`neither` describes: no direction of it is better."""
    needs_reference: bool
    function: Function
    source: str
    """The paper or standard that defines it."""
    needs_text: bool = False
    """Whether it compares with what should be said."""
    module: str = ""
    """What comes with the `evaluate` extra, or by itself, and it can't do without."""
    in_time: bool = True
    """Whether it compares moment with moment: both must then say the same at the same time."""
    group: Literal["ear", "words", "likeness", "pitch", "signal"] = "likeness"
    """What it is about: see `GROUPS`."""
    of: Literal["clip", "set"] = "clip"
    """Whether a clip has a value, or only clips together have one."""
    margin: float = 0.0
    """A difference below is of no matter, however sure: what a regression gate lets pass."""

    @property
    def follows(self) -> bool:
        """Whether it needs a reference that says the same at the same time."""
        return self.needs_reference and self.in_time

    @property
    def arrow(self) -> str:
        """Which way is better, as a sign."""
        return {"higher": "↑", "lower": "↓", "neither": "·"}[self.better]

    @property
    def installed(self) -> bool:
        """Whether it can be taken here."""
        return not self.module or importlib.util.find_spec(self.module) is not None


def checked(waveform: np.ndarray, what: str) -> np.ndarray:
    """`waveform` as (T,) float32.

    Raises:
        DataError: It has another shape, no samples, or values that are no numbers.
    """
    waveform = np.asarray(waveform, dtype=np.float32)
    if waveform.ndim != 1 or not waveform.size:
        raise DataError(f"the {what} is no waveform", got=waveform.shape, want="(T,)", mend="give one channel of audio")
    wrong = int(np.count_nonzero(~np.isfinite(waveform)))
    if wrong:
        raise DataError(f"the {what} has {wrong} of {waveform.size} samples that are NaN or infinite")
    return waveform


def aligned(
    reference: np.ndarray, estimate: np.ndarray, sample_rate: int, audio: AudioConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Both cropped to the shorter one.

    Raises:
        DataError: Their lengths differ by more than rounding to frames explains.
    """
    difference = abs(len(reference) - len(estimate))
    allowed = max(LONGEST_DIFFERENCE_S, audio.hop_length / audio.sample_rate) * sample_rate
    if difference > allowed:
        raise DataError(
            "reference and estimate differ in length",
            reference_s=round(len(reference) / sample_rate, 3),
            estimate_s=round(len(estimate) / sample_rate, 3),
            allowed_s=round(allowed / sample_rate, 3),
            mend="compare recordings of the same utterance, with the same start and end",
        )
    length = min(len(reference), len(estimate))
    return reference[:length], estimate[:length]


def needed(reference: np.ndarray | None, measure: str) -> np.ndarray:
    """The reference, which `measure` can't do without.

    Raises:
        UsageError: There is none.
    """
    if reference is None:
        raise UsageError(f"{measure} compares with a reference, and there is none", mend="give reference=")
    return reference


def needed_text(text: str | None, measure: str) -> str:
    """What should be said, which `measure` can't do without.

    Raises:
        UsageError: There is none.
    """
    if text is None:
        raise UsageError(f"{measure} compares with a text, and there is none", mend="give text=")
    return text


def audible(waveform: np.ndarray, what: str) -> None:
    """Refuse a silent waveform, of which a model of hearing can say nothing.

    Raises:
        DataError: The peak of `waveform`, (T,), is below `SILENCE`.
    """
    if np.abs(waveform).max() < SILENCE:
        raise DataError(f"the {what} is silent")


def extra(module: str, *, needed_for: str, mend: str = 'pip install "ganray[evaluate]"') -> ModuleType:
    """Import a module that comes with the `evaluate` extra, or by what `mend` says.

    Raises:
        ConfigError: It isn't installed; the message holds the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"{needed_for} needs the package {module}: {error}", mend=mend) from error
