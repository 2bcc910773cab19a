"""How what the judges reject changed over training: the same clip through every checkpoint that was kept."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ganray.insight.judges import Heard
from ganray.insight.subject import Subject
from ganray.models import Generator


@dataclass(frozen=True)
class Stage:
    """One checkpoint on the clip.

    Attributes:
        step: Updates done.
        real: Mean realness of the recording, to the judges of that moment.
        fake: Of what the generator of that moment made.
        fake_now: Of the same, to the newest judges: one ear for all stages.
        rejected: (F,) how much less real than the recording each frame sounds to the newest judges.
    """

    step: int
    real: float
    fake: float
    fake_now: float
    rejected: np.ndarray


def history(subject: Subject, real: np.ndarray, speak: Callable[[Generator], np.ndarray]) -> list[Stage]:
    """Every stage of a subject's run, oldest first.

    Args:
        subject: With a panel.
        real: (T,) the recording.
        speak: A generator of any stage → (T,) the clip as it says it.
    """
    stages = list(subject.stages())
    newest = stages[-1].panel or subject.panel
    assert newest is not None
    found = []
    for stage in stages:
        fake = speak(stage.generator)
        own = stage.panel or newest
        theirs, ours = newest.hear(real), newest.hear(fake)
        found.append(
            Stage(
                stage.step or 0,
                mean(own.hear(real)),
                mean(own.hear(fake)),
                mean(ours),
                rejection(theirs, ours, subject, len(real)).mean(0),
            )
        )
    return found


def mean(heard: list[Heard]) -> float:
    """Over sub-judges, each weighing the same."""
    return float(np.mean([one.realness.mean() for one in heard]))


def rejection(real: list[Heard], fake: list[Heard], subject: Subject, length: int) -> np.ndarray:
    """(M, F): how much less real the fake sounds than the recording at the same place; mean over sub-judges."""
    frames = length // subject.audio.hop_length
    apart = [a.over(subject.audio, frames) - b.over(subject.audio, frames) for a, b in zip(real, fake, strict=True)]
    return np.mean(apart, axis=0)
