"""The measures by name, and how one is taken."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.config.problems import closest
from ganray.errors import ConfigError, DataError, Problem
from ganray.metrics.base import Measure, aligned, checked, needed
from ganray.metrics.distillmos import distillmos
from ganray.metrics.estoi import estoi
from ganray.metrics.mel import mel
from ganray.metrics.per import per
from ganray.metrics.pesq import pesq
from ganray.metrics.stft import stft
from ganray.metrics.wer import wer

MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            "distillmos", "MOS 1–5", "higher", False, distillmos, "Stahl and Gamper, ICASSP 2025", module="distillmos"
        ),
        Measure("pesq", "MOS-LQO 1.04–4.64", "higher", True, pesq, "ITU-T P.862.2, wide band", module="pesq"),
        Measure("estoi", "0–1", "higher", True, estoi, "Jensen and Taal, IEEE/ACM TASLP 24(11), 2016", module="pystoi"),
        Measure("mel", "L1 of log-mel", "lower", True, mel, "L1 of log-mel under the audio contract"),
        Measure("per", "share of phonemes", "lower", False, per, "hama's phoneme recogniser; English", True, "hama"),
        Measure("wer", "share of words", "lower", False, wer, "PocketSphinx; English", True, "pocketsphinx"),
        Measure("stft", "SC + log L1", "lower", True, stft, "Yamamoto, Song and Kim, ICASSP 2020"),
    )
}
"""Every measure, the most telling first."""


@dataclass
class Scores:
    """What several measures say of one clip."""

    values: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    """Measure → why it has no value."""


def measures_named(names: Iterable[str]) -> list[Measure]:
    """The measures of these names, without repeats.

    Raises:
        ConfigError: Some names are unknown; all of them are told.
    """
    names = list(dict.fromkeys(names))
    problems = []
    for name in names:
        if name not in MEASURES:
            meant = closest(name, list(MEASURES))
            mend = f"did you mean {meant}?" if meant else f"known: {', '.join(MEASURES)}"
            problems.append(Problem(f"measures.{name}", name, "unknown measure", mend))
    if problems:
        raise ConfigError(f"no measure {', '.join(p.value for p in problems)}", problems=problems)
    return [MEASURES[name] for name in names]


def measure(
    name: str,
    estimate: np.ndarray,
    *,
    reference: np.ndarray | None = None,
    text: str | None = None,
    sample_rate: int,
    audio: AudioConfig,
) -> float:
    """Take one measure of one clip.

    Args:
        name: One of `MEASURES`.
        estimate: (T,) in [-1, 1].
        reference: (T,) of the same utterance, where the measure needs one.
        text: What should be said, where the measure needs it.
        sample_rate: Of both, in Hz.
        audio: The audio contract.

    Returns:
        A finite number.

    Raises:
        ConfigError: The name is unknown, or the package behind the measure isn't installed.
        UsageError: The measure needs a reference or a text, and there is none.
        DataError: The measure can say nothing of this clip: it is silent, too short, holds NaN, or differs in length
            from its reference by more than 50 ms.
    """
    (chosen,) = measures_named([name])
    estimate = checked(estimate, "estimate")
    if chosen.needs_reference:
        reference = checked(needed(reference, name), "reference")
        reference, estimate = aligned(reference, estimate, sample_rate, audio)
    value = chosen.function(text if chosen.needs_text else reference, estimate, sample_rate, audio)
    if not np.isfinite(value):
        raise DataError(f"{name} gave {value}")
    return value


def score(
    names: Iterable[str],
    estimate: np.ndarray,
    *,
    reference: np.ndarray | None = None,
    text: str | None = None,
    sample_rate: int,
    audio: AudioConfig,
) -> Scores:
    """Take several measures of one clip; one that can say nothing of it is told in `failures` and ends nothing.

    Without a reference or a text, the measures that need one are left out.

    Raises:
        ConfigError: As for `measure`.
    """
    scores = Scores()
    for chosen in measures_named(names):
        if (chosen.needs_reference and reference is None) or (chosen.needs_text and text is None):
            continue
        try:
            scores.values[chosen.name] = measure(
                chosen.name, estimate, reference=reference, text=text, sample_rate=sample_rate, audio=audio
            )
        except DataError as error:
            scores.failures[chosen.name] = str(error)
    return scores
