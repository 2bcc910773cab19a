"""The measures by name, and how one is taken."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ganray.config.audio import AudioConfig
from ganray.config.problems import closest
from ganray.errors import ConfigError, DataError, Problem
from ganray.metrics.base import Measure, aligned, checked, needed
from ganray.metrics.clipping import clipping
from ganray.metrics.distillmos import distillmos
from ganray.metrics.dnsmos import dnsmos
from ganray.metrics.estoi import estoi
from ganray.metrics.f0_correlation import f0_correlation
from ganray.metrics.f0_rmse import f0_rmse
from ganray.metrics.frechet import of_sets_only
from ganray.metrics.loudness import loudness
from ganray.metrics.mcd import mcd
from ganray.metrics.mel import mel
from ganray.metrics.per import per
from ganray.metrics.periodicity import periodicity
from ganray.metrics.pesq import pesq
from ganray.metrics.speaker import speaker
from ganray.metrics.speech import speech
from ganray.metrics.stft import stft
from ganray.metrics.voicing_f1 import voicing_f1
from ganray.metrics.wer import wer

MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            "distillmos", "MOS 1–5", "higher", False, distillmos, "Stahl and Gamper, ICASSP 2025",
            module="distillmos", group="ear", margin=0.05,
        ),
        Measure(
            "pesq", "MOS-LQO 1.04–4.64", "higher", True, pesq, "ITU-T P.862.2, wide band",
            module="pesq", group="ear", margin=0.05,
        ),
        Measure(
            "estoi", "0–1", "higher", True, estoi, "Jensen and Taal, IEEE/ACM TASLP 24(11), 2016",
            module="pystoi", group="words", margin=0.005,
        ),
        Measure("mel", "L1 of log-mel", "lower", True, mel, "L1 of log-mel under the audio contract", margin=0.005),
        Measure(
            "per", "share of phonemes", "lower", False, per, "hama's phoneme recogniser; English",
            needs_text=True, module="hama", group="words", margin=0.01,
        ),
        Measure(
            "wer", "share of words", "lower", False, wer, "PocketSphinx; English",
            needs_text=True, module="pocketsphinx", group="words", margin=0.02,
        ),
        Measure("stft", "SC + log L1", "lower", True, stft, "Yamamoto, Song and Kim, ICASSP 2020", margin=0.01),
        Measure("mcd", "dB", "lower", True, mcd, "Kubichek, PACRIM 1993", margin=0.05),
        Measure(
            "f0_rmse", "cents", "lower", True, f0_rmse, "RMSE of log F0 where both are voiced",
            group="pitch", margin=5.0,
        ),
        Measure(
            "f0_correlation", "-1–1", "higher", True, f0_correlation, "Pearson's, of log F0 where both are voiced",
            group="pitch", margin=0.01,
        ),
        Measure(
            "voicing_f1", "0–1", "higher", True, voicing_f1, "van Rijsbergen 1979, of voiced frames",
            group="pitch", margin=0.005,
        ),
        Measure(
            "periodicity", "RMSE", "lower", True, periodicity, "Morrison et al., ICLR 2022; Boersma 1993",
            group="pitch", margin=0.005,
        ),
        Measure(
            "dnsmos", "MOS 1–5", "higher", False, dnsmos, "Reddy, Gopal and Cutler, ICASSP 2021 (P.808)",
            module="speechmos", group="ear", margin=0.05,
        ),
        Measure(
            "speaker", "cosine", "higher", True, speaker, "Wan et al., ICASSP 2018; Resemblyzer",
            module="resemblyzer", in_time=False, margin=0.01,
        ),
        Measure(
            "frechet", "distance", "lower", False, of_sets_only, "Heusel et al. 2017, Kilgour et al. 2019",
            module="distillmos", of="set",
        ),
        Measure("speech", "share of time", "neither", False, speech, "ITU-T P.56, method B", group="signal"),
        Measure("loudness", "LUFS", "neither", False, loudness, "ITU-R BS.1770-4, EBU R 128", group="signal"),
        Measure(
            "clipping", "share of samples", "lower", False, clipping, "samples at full scale, two or more in a row",
            group="signal", margin=1e-4,
        ),
    )
}  # fmt: skip
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
        UsageError: The measure needs a reference or a text, and there is none, or sets of clips.
        DataError: The measure can say nothing of this clip: it is silent, too short, holds NaN, or differs in length
            from its reference by more than 50 ms.
    """
    (chosen,) = measures_named([name])
    estimate = checked(estimate, "estimate")
    if chosen.needs_reference:
        reference = checked(needed(reference, name), "reference")
    if chosen.follows:
        assert reference is not None
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
