"""A user's own pronunciations: word → phonemes, from a mapping or a YAML, JSON or TSV file."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ganray.errors import UsageError
from ganray.text.symbols import SPOKEN, parse_phonemes

_SHAPE = "a lexicon maps words to phonemes: `ganray: ɡ ˈæ n ɹ eɪ`"


def read_lexicon(source: Mapping[str, Any] | str | Path) -> dict[str, tuple[str, ...]]:
    """A lexicon, checked: words in lower case (`US` in capitals only speaks for `US`) → phonemes.

    Args:
        source: A mapping, or the path of a `.yaml`, `.json` or `.tsv` file; in the latter a word, a tab, phonemes.

    Raises:
        UsageError: No such file, a wrong shape, the same word twice, or an unknown phoneme with its place and the
            nearest one.
    """
    entries = _of_mapping(source, "lexicon") if isinstance(source, Mapping) else _of_file(Path(source))
    lexicon: dict[str, tuple[str, ...]] = {}
    for place, word, phonemes in entries:
        if not isinstance(word, str) or not word.strip() or len(word.split()) > 1:
            raise UsageError(f"{place}: {word!r} is not one word", mend=_SHAPE)
        key = word.strip() if _capitals_matter(word) else word.strip().lower()
        if key in lexicon:
            raise UsageError(f"{place}: {key!r} has a pronunciation already", mend="keep one of the two")
        lexicon[key] = _phonemes(phonemes, f"{place} ({word})")
    return lexicon


def _capitals_matter(word: str) -> bool:
    return len(word.strip()) > 1 and word.strip().isupper()


def _phonemes(value: Any, place: str) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and all(isinstance(symbol, str) for symbol in value):
        if value and all(symbol in SPOKEN for symbol in value):
            return tuple(value)
        value = " ".join(value)
    if not isinstance(value, str):
        raise UsageError(f"{place}: {value!r} is not phonemes", mend=_SHAPE)
    return parse_phonemes(value, place)


def _of_mapping(mapping: Mapping[Any, Any], name: str) -> Iterator[tuple[str, Any, Any]]:
    for word, phonemes in mapping.items():
        yield name, word, phonemes


def _of_file(path: Path) -> Iterator[tuple[str, Any, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the lexicon can't be read: {error}", path=path) from None
    if path.suffix in (".yaml", ".yml", ".json"):
        yield from _of_document(text, path)
    elif path.suffix in (".tsv", ".txt"):
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            word, tab, phonemes = line.partition("\t")
            if not tab:
                raise UsageError(f"{path.name} line {number}: no tab in {line!r}", mend="write: word, a tab, phonemes")
            yield f"{path.name} line {number}", word, phonemes
    else:
        raise UsageError("a lexicon is a .yaml, .json or .tsv file", got=path.name)


def _of_document(text: str, path: Path) -> Iterator[tuple[str, Any, Any]]:
    try:
        document = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"the lexicon is not {path.suffix[1:]}: {' '.join(str(error).split())}", path=path) from None
    if not isinstance(document, dict):
        raise UsageError("the lexicon is not a mapping", path=path, mend=_SHAPE)
    yield from _of_mapping(document, path.name)
