"""A corpus as it lies there: its recordings, what is said in them, who speaks."""

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from ganray.data.source import Source

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aiff", ".webm")
"""Of recordings; where an id has several, the first of these is read."""
LABELS = ("speaker", "language", "style")
"""What a corpus may say of a recording besides its text."""
LISTED = ("validation", "test")
"""Splits that a corpus may list."""


@dataclass(frozen=True)
class Recording:
    """One utterance of a corpus: `source` is None where no file was found; `text` and the labels may be empty.

    Attributes:
        id: Its name.
        text: What is said.
        source: Where its sound is.
        line: Of the file that lists it, from 1; 0 where none does.
        corpus: Name of the folder.
        speaker: Who says it.
        language: BCP 47 tag.
        style: How, in the corpus's own word.
    """

    id: str
    text: str
    source: Source | None
    line: int = 0
    corpus: str = ""
    speaker: str = ""
    language: str = ""
    style: str = ""

    @property
    def path(self) -> Path | None:
        """Its file, where it is a whole file of this machine."""
        return self.source.path if self.source else None


@dataclass(frozen=True)
class Corpus:
    """A corpus, unjudged.

    Attributes:
        place: Its folder; of several, all of them.
        layout: Title of the layout it was read by.
        recordings: In the order of the corpus.
        dropped: (id, reason) of what could not be read.
        lists: Split → ids, of the splits that the corpus itself lists.
    """

    place: str
    layout: str
    recordings: tuple[Recording, ...]
    dropped: tuple[tuple[str, str], ...]
    lists: dict[str, list[str]]

    @property
    def has_texts(self) -> bool:
        """Whether anything of it has a text: where nothing has, it is a corpus for vocoders."""
        return any(recording.text for recording in self.recordings)


def fold(text: str) -> str:
    """A sentence without case, punctuation and spacing, so that takes of one sentence are equal; empty if no words."""
    text = unicodedata.normalize("NFKC", text).casefold()
    # Apostrophes join ("don't", "dont"), all else that is no letter, mark or digit parts.
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else "" if c in "'’`" else " " for c in text)
    return " ".join(kept.split())
