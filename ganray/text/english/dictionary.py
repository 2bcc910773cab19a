"""The pronouncing dictionary: US English of misaki (Apache-2.0), read from its wheel's data files, its code unused."""

import importlib.metadata
import importlib.resources
import importlib.util
import json
import lzma
from functools import cached_property, lru_cache
from pathlib import Path

from ganray.errors import ConfigError
from ganray.text.symbols import REDUCED, VOWELS

PACKAGE = "misaki"
NAMES = "names.xz"
"""60,000 words, mostly names, that it lacks and CMUdict (BSD-2-Clause) has; `tools/names.py` makes it."""
_TO_IPA = {"A": "eɪ", "I": "aɪ", "W": "aʊ", "O": "oʊ", "Y": "ɔɪ", "ʤ": "dʒ", "ʧ": "tʃ"}
Entry = str | dict[str, str | None]


class Dictionary:
    """Words → phonemes; 90,000 checked ones (gold), 93,000 more from other sources (silver)."""

    @cached_property
    def _gold(self) -> dict[str, Entry]:
        return _read("us_gold.json")

    @cached_property
    def _silver(self) -> dict[str, Entry]:
        return _read("us_silver.json")

    @cached_property
    def _names(self) -> dict[str, str]:
        packed = importlib.resources.files("ganray.text.english").joinpath(NAMES).read_bytes()
        return dict(line.split(" ") for line in lzma.decompress(packed).decode().split("\n"))

    def name(self, word: str) -> str | None:
        """A word in lower case that only CMUdict has."""
        return self._names.get(word)

    def entry(self, word: str) -> Entry | None:
        """A word exactly as it is spelled; where context matters, {part of speech: phonemes}."""
        return self._gold.get(word) or self._silver.get(word)

    def spelling(self, word: str, *, names: bool = True) -> str | None:
        """How the dictionary spells a word of any case."""
        for form in (word, word.lower(), word.capitalize()):
            if self.entry(form) is not None:
                return form
        return word.lower() if names and self.name(word.lower()) else None

    def __contains__(self, word: str) -> bool:
        return self.spelling(word) is not None


@lru_cache
def dictionary() -> Dictionary:
    """The one of this process; its files are read when the first word is looked up."""
    return Dictionary()


def version() -> str:
    """The version of the dictionary, which is part of the front-end's."""
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise _missing() from None


@lru_cache(1 << 16)
def to_symbols(phonemes: str) -> tuple[str, ...]:
    """The dictionary's spelling of phonemes → ours: one symbol a sound, stress on its vowel."""
    found, stress = [], ""
    for character in phonemes:
        if character in "ˈˌ":
            stress = character
            continue
        symbol = _TO_IPA.get(character, character)
        if symbol in VOWELS:
            symbol, stress = stress + symbol, ""
        elif symbol in REDUCED:
            stress = ""
        found.append(symbol)
    return tuple(found)


def _read(name: str) -> dict[str, Entry]:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise _missing()
    # Its package runs its own tagger's imports; only the data is wanted.
    document: dict[str, Entry] = json.loads((Path(found.origin).parent / "data" / name).read_bytes())
    return document


def _missing() -> ConfigError:
    return ConfigError("the English front-end needs the dictionary in misaki", mend="pip install 'misaki>=0.9.4,<0.10'")
