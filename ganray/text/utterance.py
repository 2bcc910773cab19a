"""What a front-end makes of a text: sentences of words of phonemes, each word with its place in the source."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from ganray.text.symbols import BOUNDARY, BREAK, MARKS


@dataclass(frozen=True)
class Prosody:
    """How the markup asked for a word to be said."""

    rate: float = 1.0
    """Times the voice's own speed."""
    pitch: float = 0.0
    """Semitones above the voice's own."""
    volume: float = 0.0
    """Decibels over the voice's own; -inf is silence."""


@dataclass(frozen=True)
class Word:
    """One stretch of the source that is spoken: `$5` is one word, spoken `five dollars`."""

    text: str
    start: int
    end: int
    """`source[start:end]` is where it stands in the text as it was given, markup and all."""
    spoken: str
    """In lower case; a letter that is spelled stands as a capital."""
    phonemes: tuple[str, ...]
    """With a boundary symbol between spoken words, none at the ends."""
    mark: str = ""
    """The punctuation symbol after it."""
    pause: float = 0.0
    """Seconds of silence asked for after it."""
    prosody: Prosody = field(default=Prosody())

    @property
    def span(self) -> tuple[int, int]:
        """`(start, end)` in the source."""
        return self.start, self.end


@dataclass(frozen=True)
class Sentence:
    """What is spoken in one breath group or a few; the unit of synthesis."""

    text: str
    start: int
    end: int
    words: tuple[Word, ...]
    pause_before: float = 0.0
    """Seconds of silence asked for before its first word."""
    ends_paragraph: bool = False

    @property
    def phonemes(self) -> list[str]:
        """All symbols in order: words, boundaries, punctuation and asked pauses."""
        return [symbol for symbol, _ in self._flat()]

    @property
    def word_of(self) -> list[int]:
        """For each of `phonemes`, the index of its word; -1 for what stands between words."""
        return [word for _, word in self._flat()]

    def _flat(self) -> Iterator[tuple[str, int]]:
        if self.pause_before:
            yield BREAK, -1
        for index, word in enumerate(self.words):
            yield from ((symbol, index) for symbol in word.phonemes)
            if word.mark:
                yield word.mark, -1
            if word.pause:
                yield BREAK, -1
            if not word.mark and not word.pause and index + 1 < len(self.words):
                yield BOUNDARY, -1


@dataclass(frozen=True)
class Utterance:
    """A text, ready for a voice. Plain data: it can be pickled, and `as_json` is a JSON document."""

    sentences: tuple[Sentence, ...]

    @property
    def words(self) -> list[Word]:
        """All words in order."""
        return [word for sentence in self.sentences for word in sentence.words]

    @property
    def phonemes(self) -> list[list[str]]:
        """One flat list of symbols a sentence."""
        return [sentence.phonemes for sentence in self.sentences]

    @property
    def flat(self) -> list[str]:
        """All symbols of all sentences, with a boundary after a sentence that ends without a mark."""
        symbols: list[str] = []
        for sentence in self.phonemes:
            if symbols and symbols[-1] not in MARKS:
                symbols.append(BOUNDARY)
            symbols += sentence
        return symbols

    @property
    def spoken(self) -> str:
        """What will be heard, in words."""
        return " ".join(word.spoken for word in self.words)

    def as_json(self) -> dict[str, Any]:
        """Lists, mappings, texts and numbers only."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Utterance":
        """The inverse of `as_json`, also after a trip through text."""
        return cls(tuple(_sentence(entry) for entry in document["sentences"]))


def _sentence(entry: dict[str, Any]) -> Sentence:
    words = tuple(
        Word(**{**word, "phonemes": tuple(word["phonemes"]), "prosody": Prosody(**word["prosody"])})
        for word in entry["words"]
    )
    return Sentence(**{**entry, "words": words})
