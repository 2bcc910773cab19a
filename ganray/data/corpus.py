"""Reading a corpus: recordings and what is said in them, as people keep them.

One layout is known, LJSpeech's: `metadata.csv` with `id|text` or `id|text|normalised text` lines, beside `wavs/`.
"""

import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ganray.errors import DataError

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus")
"""Of recordings; where an id has several, the first of these is read."""


@dataclass(frozen=True)
class Recording:
    """One line of a corpus: `path` is None where no file was found, `text` may be empty."""

    id: str
    text: str
    path: Path | None
    line: int


@dataclass(frozen=True)
class Corpus:
    """A corpus as it lies there, unjudged.

    Attributes:
        path: Its folder.
        layout: Name of the layout it was read by.
        recordings: In the order of `metadata.csv`.
        dropped: (id, reason) of the lines that could not be read.
    """

    path: Path
    layout: str
    recordings: tuple[Recording, ...]
    dropped: tuple[tuple[str, str], ...]


def read_corpus(path: str | Path) -> Corpus:
    """Read a corpus in LJSpeech layout.

    Raises:
        DataError: There is no such folder, no `metadata.csv` or no `wavs/` in it, or not one readable line.
    """
    path = Path(path)
    metadata, wavs = path / "metadata.csv", path / "wavs"
    mend = "known layout: LJSpeech, metadata.csv (id|text or id|text|normalised text) beside wavs/<id>.wav or .flac"
    if not path.is_dir():
        raise DataError(f"no corpus folder {path}", mend="give the folder that holds metadata.csv and wavs/")
    if not metadata.is_file():
        raise DataError(f"{path} has no metadata.csv", mend=mend)
    if not wavs.is_dir():
        raise DataError(f"{path} has no folder wavs", mend=mend)
    try:
        text = metadata.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {metadata}: {error}", mend="save it as UTF-8 text") from error
    recordings, dropped = _parse(text, _files(wavs))
    if not recordings:
        raise DataError(f"{metadata} has no line of the form id|text", mend=mend)
    return Corpus(path, "LJSpeech", tuple(recordings), tuple(dropped))


def _parse(text: str, files: dict[str, Path]) -> tuple[list[Recording], list[tuple[str, str]]]:
    recordings: list[Recording] = []
    dropped: list[tuple[str, str]] = []
    first_line: dict[str, int] = {}
    # Not splitlines: a text may hold one of the rarer characters that it breaks at.
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("|")]
        key = fields[0]
        if len(fields) not in (2, 3) or not key:
            found = f"line {number} has {len(fields)} fields, id|text or id|text|normalised text wanted"
            dropped.append((key or f"line {number}", f"malformed line ({found})"))
            continue
        if Path(key).suffix.lower() in SUFFIXES and key not in files:
            key = key[: -len(Path(key).suffix)]
        if key in first_line:
            dropped.append((key, f"id given twice (line {number}, first on line {first_line[key]})"))
            continue
        first_line[key] = number
        recordings.append(Recording(key, fields[-1] or fields[1], files.get(key), number))
    return recordings, dropped


def _files(wavs: Path) -> dict[str, Path]:
    """Id → file, where an id is the path below `wavs` without its suffix."""
    found: dict[str, Path] = {}
    for file in sorted(wavs.rglob("*"), key=lambda file: (_rank(file), file)):
        if _rank(file) < len(SUFFIXES):
            found.setdefault(file.relative_to(wavs).with_suffix("").as_posix(), file)
    return found


def _rank(file: Path) -> int:
    suffix = file.suffix.lower()
    return SUFFIXES.index(suffix) if suffix in SUFFIXES else len(SUFFIXES)


def read_ids(path: str | Path) -> list[str]:
    """Clip ids from a file with one a line; empty lines and those that begin with # are passed over.

    Raises:
        DataError: It can't be read, or gives no id or one twice.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"cannot read the list of ids {path}: {error}", mend="give a file with one clip id a line"
        ) from error
    ids = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    twice = [key for key, count in Counter(ids).items() if count > 1]
    if twice:
        raise DataError(f"{path} lists {twice[0]} twice", mend="list every id once")
    if not ids:
        raise DataError(f"{path} lists no id", mend="give a file with one clip id a line")
    return ids


def fold(text: str) -> str:
    """A sentence without case, punctuation and spacing, so that takes of one sentence are equal; empty if no words."""
    text = unicodedata.normalize("NFKC", text).casefold()
    # Apostrophes join ("don't", "dont"), all else that is no letter, mark or digit parts.
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else "" if c in "'’`" else " " for c in text)
    return " ".join(kept.split())
