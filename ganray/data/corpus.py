"""Reading a corpus: recordings and what is said in them, as people keep them.

The layout is found by looking, or named: see `ganray.data.readers`. Beside any layout, a `labels.csv` may say more of
single clips (a line with the columns' names, `id` and any of `speaker`, `language`, `style`, and one for every clip),
and `validation.txt` and `test.txt` may list the ids of those splits.
"""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganray.data.place import Place
from ganray.data.readers import layout_of
from ganray.data.recording import LABELS, LISTED, SUFFIXES, Corpus, Recording, fold
from ganray.errors import DataError

__all__ = ["LISTED", "SUFFIXES", "Corpus", "Recording", "fold", "read_corpora", "read_corpus", "read_ids"]


def read_corpora(paths: Sequence[str | Path], layout: str | None = None) -> Corpus:
    """Several corpora as one, each id behind the name of its folder; one alone as `read_corpus` gives it.

    Raises:
        DataError: As `read_corpus`; or two folders have one name.
    """
    corpora = [read_corpus(path, layout) for path in paths]
    if len(corpora) == 1:
        return corpora[0]
    names = [corpus.recordings[0].corpus for corpus in corpora]
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
    layouts = " and ".join(dict.fromkeys(corpus.layout for corpus in corpora))
    return Corpus(", ".join(corpus.place for corpus in corpora), layouts, tuple(recordings), tuple(dropped), lists)


def read_corpus(path: str | Path, layout: str | None = None) -> Corpus:
    """Read a corpus, on a disk or in a bucket.

    Args:
        path: A folder, a single manifest, Parquet file or tar, or the URI of one.
        layout: One of `ganray.data.readers.LAYOUTS`; None: found by looking.

    Raises:
        UsageError: There is no layout of that name.
        DataError: There is nothing there, it has no known layout or lacks what its layout must have, or its
            `labels.csv` is wrong.
    """
    place = Place(path)
    read = layout_of(place, layout).read(place)
    labels = _labels(place, {recording.id for recording in read.recordings})
    recordings, dropped = _once(read.recordings, list(read.dropped))
    labelled = (replace(r, corpus=place.name, **labels.get(r.id, {})) for r in recordings)
    lists = read.lists | {
        split: _ids(place.text(f"{split}.txt"), f"{split}.txt") for split in LISTED if f"{split}.txt" in place
    }
    return replace(read, place=str(path), recordings=tuple(labelled), dropped=tuple(dropped), lists=lists)


def _once(
    recordings: Sequence[Recording], dropped: list[tuple[str, str]]
) -> tuple[list[Recording], list[tuple[str, str]]]:
    """Every id but once."""
    first: dict[str, Recording] = {}
    for recording in recordings:
        known = first.setdefault(recording.id, recording)
        if known is not recording:
            at = f"line {recording.line}, first on line {known.line}" if recording.line else "the first is read"
            dropped.append((recording.id, f"id given twice ({at})"))
    return list(first.values()), dropped


def _labels(place: Place, ids: set[str]) -> dict[str, dict[str, Any]]:
    """Id → what `labels.csv` says of it."""
    if "labels.csv" not in place:
        return {}
    path, text = place.at("labels.csv"), place.text("labels.csv")
    try:
        rows = list(csv.DictReader(io.StringIO(text)))
    except csv.Error as error:
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
        raise DataError(f"{path} labels {strange}, which the corpus has not", mend="use the corpus's own ids")
    said = {row["id"]: {name: (row.get(name) or "").strip() for name in LABELS} for row in rows}
    return {key: {name: value for name, value in its.items() if value} for key, its in said.items()}


def read_ids(path: str | Path) -> list[str]:
    """Clip ids from a file with one a line; empty lines and those that begin with # are passed over.

    Raises:
        DataError: It can't be read, or gives no id or one twice.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"cannot read the list of ids {path}: {error}", mend="give a file with one clip id a line"
        ) from error
    return _ids(text, str(path))


def _ids(text: str, path: str) -> list[str]:
    ids = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    twice = [key for key, count in Counter(ids).items() if count > 1]
    if twice:
        raise DataError(f"{path} lists {twice[0]} twice", mend="list every id once")
    if not ids:
        raise DataError(f"{path} lists no id", mend="give a file with one clip id a line")
    return ids
