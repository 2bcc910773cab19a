"""What a layout is, and what several of them need."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ganray.data.place import Place
from ganray.data.recording import SUFFIXES, Corpus, Recording
from ganray.data.source import Source
from ganray.errors import DataError

TEXTS = ("normalized_text", "text_normalized", "normalised_text", "text", "sentence", "transcription", "transcript")
"""Names of a column with the text, the best first."""
IDS = ("id", "utterance_id", "utt_id", "__key__", "key", "name")
SPEAKERS = ("speaker", "speaker_id", "speaker_name", "client_id", "spk")
LANGUAGES = ("language", "lang", "locale")
STYLES = ("style", "emotion")


@dataclass(frozen=True)
class Layout:
    """One way to keep a corpus.

    Attributes:
        name: What `--format` calls it.
        title: What people call it.
        wants: What must be there, in one line.
        found: Whether a place looks like it.
        read: Reads a place; places, names and labels.csv are added afterwards. DataError where it lacks something.
    """

    name: str
    title: str
    wants: str
    found: Callable[[Place], bool]
    read: Callable[[Place], Corpus]


def corpus(
    title: str,
    recordings: Iterable[Recording],
    dropped: Iterable[tuple[str, str]] = (),
    lists: Mapping[str, list[str]] | None = None,
) -> Corpus:
    """A corpus that doesn't yet know where it is."""
    return Corpus("", title, tuple(recordings), tuple(dropped), {k: ids for k, ids in (lists or {}).items() if ids})


def lacks(place: Place, what: str, layout: str) -> DataError:
    """The error of a place that lacks what its layout must have."""
    return DataError(f"{place} {what}", mend=f"wanted for {layout}")


def sounds(place: Place, under: str = "") -> dict[str, str]:
    """{id: file's name in `place`}, where an id is the path below the folder `under`, without its suffix."""
    start = f"{under.rstrip('/')}/" if under else ""
    found: dict[str, str] = {}
    for name in sorted((n for n in place.files if n.startswith(start) and rank(n) < len(SUFFIXES)), key=by_rank):
        found.setdefault(stem(name[len(start) :]), name)
    return dict(sorted(found.items()))


def by_rank(name: str) -> tuple[int, str]:
    """Sorts files by how much their suffix is liked."""
    return rank(name), name


def rank(name: str) -> int:
    """Place of a file's suffix in `SUFFIXES`; behind all of them where it is no recording's."""
    suffix = PurePosixPath(name).suffix.lower()
    return SUFFIXES.index(suffix) if suffix in SUFFIXES else len(SUFFIXES)


def stem(name: str) -> str:
    """A path without its last suffix."""
    return str(PurePosixPath(name).with_suffix("")) if PurePosixPath(name).suffix else name


def source(place: Place, name: str | None) -> Source | None:
    """The whole file `name`."""
    return Source(place.at(name)) if name is not None else None


def said(row: Mapping[str, Any]) -> dict[str, str]:
    """Text and labels of a table's row or a manifest's line, under whichever names it has them."""
    found = {
        "text": first(row, TEXTS),
        "speaker": first(row, SPEAKERS),
        "language": first(row, LANGUAGES),
        "style": first(row, STYLES),
    }
    return {name: "" if value is None else str(value).strip() for name, value in found.items()}


def first(row: Mapping[str, Any], names: Iterable[str]) -> Any:
    """The first of these that the row has and that isn't empty."""
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def split_of(name: str) -> str | None:
    """The split that a folder's or a file's name tells; None where it is training's."""
    word = name.lower().replace("_", "-").split("-")[0].split(".")[0]
    return {"dev": "validation", "val": "validation", "valid": "validation", "validation": "validation"}.get(
        word, "test" if word in ("test", "eval") else None
    )
