"""Reading a corpus: recordings and what is said in them, as people keep them.

One layout is known, LJSpeech's: `metadata.csv` with `id|text` or `id|text|normalised text` lines, beside `wavs/`. A
`labels.csv` may say more of single clips: a line with the columns' names, `id` and any of `speaker`, `language`,
`style`, and one for every clip.
"""

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ganray.errors import DataError

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus")
"""Of recordings; where an id has several, the first of these is read."""
LABELS = ("speaker", "language", "style")
"""What `labels.csv` may say of a clip."""
LISTED = ("validation", "test")
"""Splits that a file may list."""


@dataclass(frozen=True)
class Recording:
    """One line of a corpus: `path` is None where no file was found; `text` and the labels may be empty.

    Attributes:
        id: Its name.
        text: What is said.
        path: Of its file.
        line: Of `metadata.csv`.
        corpus: Name of the folder.
        speaker: Who says it.
        language: BCP 47 tag.
        style: How, in the corpus's own word.
    """

    id: str
    text: str
    path: Path | None
    line: int
    corpus: str = ""
    speaker: str = ""
    language: str = ""
    style: str = ""


@dataclass(frozen=True)
class Corpus:
    """A corpus as it lies there, unjudged.

    Attributes:
        place: Its folder; of several, all of them.
        layout: Name of the layout it was read by.
        recordings: In the order of `metadata.csv`.
        dropped: (id, reason) of the lines that could not be read.
        lists: Split → ids, of the splits that a file of the corpus lists: `validation.txt`, `test.txt`.
    """

    place: str
    layout: str
    recordings: tuple[Recording, ...]
    dropped: tuple[tuple[str, str], ...]
    lists: dict[str, list[str]]


def read_corpora(paths: Sequence[str | Path]) -> Corpus:
    """Several corpora as one, each id behind the name of its folder; one alone as `read_corpus` gives it.

    Raises:
        DataError: As `read_corpus`; or two folders have one name.
    """
    corpora = [read_corpus(path) for path in paths]
    if len(corpora) == 1:
        return corpora[0]
    names = [_name(Path(path)) for path in paths]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"two corpora are called {twice[0]}", mend="rename a folder: its name tells its clips apart")
    recordings: list[Recording] = []
    dropped: list[tuple[str, str]] = []
    lists: dict[str, list[str]] = {}
    for name, corpus in zip(names, corpora, strict=True):
        recordings += [replace(recording, id=f"{name}/{recording.id}") for recording in corpus.recordings]
        dropped += [(f"{name}/{key}", reason) for key, reason in corpus.dropped]
        for split, ids in corpus.lists.items():
            lists.setdefault(split, []).extend(f"{name}/{key}" for key in ids)
    return Corpus(", ".join(corpus.place for corpus in corpora), "LJSpeech", tuple(recordings), tuple(dropped), lists)


def read_corpus(path: str | Path) -> Corpus:
    """Read a corpus in LJSpeech layout.

    Raises:
        DataError: There is no such folder, no `metadata.csv` or no `wavs/` in it, not one readable line, or its
            `labels.csv` is wrong.
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
    labels = _labels(path / "labels.csv", {recording.id for recording in recordings})
    labelled = (replace(r, corpus=_name(path), **labels.get(r.id, {})) for r in recordings)
    lists = {split: read_ids(path / f"{split}.txt") for split in LISTED if (path / f"{split}.txt").is_file()}
    return Corpus(str(path), "LJSpeech", tuple(labelled), tuple(dropped), lists)


def _name(path: Path) -> str:
    return path.resolve().name


def _labels(path: Path, ids: set[str]) -> dict[str, dict[str, Any]]:
    """Id → what the file says of it."""
    if not path.is_file():
        return {}
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {error}", mend="save it as UTF-8 text with commas") from error
    allowed = {"id", *LABELS}
    columns = {column for row in rows for column in row}
    if "id" not in columns or columns - allowed:
        raise DataError(
            f"{path} has other columns than it may",
            got=", ".join(map(str, columns)) or "none",
            mend=f"its first line names the columns: id and any of {', '.join(LABELS)}",
        )
    strange = next((row["id"] for row in rows if row["id"] not in ids), None)
    if strange is not None:
        raise DataError(f"{path} labels {strange}, which is not in metadata.csv", mend="use the ids of metadata.csv")
    return {row["id"]: {name: (row.get(name) or "").strip() for name in LABELS} for row in rows}


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
