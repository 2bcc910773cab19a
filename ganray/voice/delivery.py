"""How a text is delivered: a user's wishes become numbers for every symbol."""

from dataclasses import dataclass

import numpy as np

from ganray.config import AudioConfig
from ganray.errors import Problem, UsageError
from ganray.text import Sentence
from ganray.text.labels import Labels, Mixture
from ganray.text.manner import Manner
from ganray.text.symbols import BREAK, MARKS

_INAUDIBLE_DB = -100.0
_LIMITS = {
    "speed": (0.25, 4.0, "times the voice's own speed"),
    "pitch": (-24.0, 24.0, "semitones above the voice's own"),
    "pitch_range": (0.0, 3.0, "times the voice's own range of F0"),
    "volume": (-60.0, 24.0, "decibels over the voice's own"),
    "pauses": (0.0, 5.0, "times the voice's own pauses"),
}


@dataclass(frozen=True)
class Delivery:
    """What holds for a whole text; markup changes single words on top of it.

    Attributes:
        speed: Times the voice's own, 0.25 to 4.
        pitch: Semitones above the voice's own, -24 to 24.
        pitch_range: Times the voice's own range of F0, 0 (monotonous) to 3.
        volume: Decibels over the voice's own, -60 to 24.
        pauses: Times the voice's own pauses at punctuation, 0 to 5.
        speaker: Who of the voice's speakers, or how much of whom; None: the first.
        language: BCP 47 tag of the text; None: the speaker's own.
        style: Which of the voice's styles, or how much of which; None: none in particular.

    Raises:
        UsageError: A value outside of its range; all of them are told.
    """

    speed: float = 1.0
    pitch: float = 0.0
    pitch_range: float = 1.0
    volume: float = 0.0
    pauses: float = 1.0
    speaker: Mixture | None = None
    language: str | None = None
    style: Mixture | None = None

    def __post_init__(self) -> None:
        problems = []
        for name, (lowest, highest, what) in _LIMITS.items():
            value = getattr(self, name)
            if not lowest <= value <= highest:
                problems.append(
                    Problem(name, value, f"{what}, {lowest:g} to {highest:g}", "give a number in that range")
                )
        if problems:
            first = problems[0]
            raise UsageError(f"{first.path} {first.value:g}: {first.rule}", problems=problems)

    def reading(self, labels: Labels) -> str | None:
        """The language that the text is read in; None: the front-end's own."""
        return self.language or labels.language_of(self.speaker)

    def labelled(self, labels: Labels) -> np.ndarray:
        """(1, N) weights of what the voice knows by name.

        Raises:
            UsageError: It doesn't know this speaker, language or style.
        """
        if not len(labels) and (self.speaker or self.style):
            mend = "leave speaker and style out, or use a voice that was trained with several"
            raise UsageError("the voice has one speaker and one style", mend=mend)
        return labels.weights(self.speaker, self.language, self.style)[None]

    def of(self, sentence: Sentence, audio: AudioConfig) -> Manner:
        """For every symbol of a sentence, with the silence before and after it."""
        words = [None, *(sentence.words[index] if index >= 0 else None for index in sentence.word_of), None]
        symbols = ["", *sentence.phonemes, ""]
        asked = iter(
            [sentence.pause_before] * bool(sentence.pause_before) + [w.pause for w in sentence.words if w.pause]
        )
        rate, pitch, volume, frames = [], [], [], []
        for symbol, word in zip(symbols, words, strict=True):
            paused = self.pauses if symbol in ("", *MARKS) else 1.0
            rate.append(self.speed * (word.prosody.rate if word else 1 / max(paused, 0.05)))
            pitch.append(self.pitch + (word.prosody.pitch if word else 0.0))
            volume.append(max(self.volume + (word.prosody.volume if word else 0.0), _INAUDIBLE_DB))
            frames.append(max(1, round(next(asked) * audio.frame_rate_hz)) if symbol == BREAK else 0)
        return Manner(
            np.array([rate], np.float32),
            np.array([pitch], np.float32),
            np.array([volume], np.float32),
            np.array([frames], np.int64),
            self.pitch_range,
        )
