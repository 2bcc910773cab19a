"""LJSpeech: `metadata.csv` with `id|text` or `id|text|normalised text`, beside `wavs/`."""

from pathlib import PurePosixPath

from ganray.data.place import Place
from ganray.data.readers.layout import Layout, corpus, lacks, sounds, source
from ganray.data.recording import SUFFIXES, Corpus, Recording
from ganray.errors import DataError

TITLE = "LJSpeech"
WANTS = "metadata.csv (id|text or id|text|normalised text) beside wavs/<id>.wav or .flac"


def found(place: Place) -> bool:
    """It has both."""
    return {"metadata.csv", "wavs"} <= place.tops


def read(place: Place) -> Corpus:
    """Read `place`."""
    if "metadata.csv" not in place:
        raise lacks(place, "has no metadata.csv", WANTS)
    if "wavs" not in place.tops:
        raise lacks(place, "has no folder wavs", WANTS)
    recordings, dropped = parse(place, sounds(place, "wavs"))
    if not recordings:
        raise DataError(f"{place.at('metadata.csv')} has no line of the form id|text", mend=f"wanted: {WANTS}")
    return corpus(TITLE, recordings, dropped)


def parse(place: Place, files: dict[str, str]) -> tuple[list[Recording], list[tuple[str, str]]]:
    """The lines of metadata.csv, and (id, reason) of those that make no sense."""
    recordings: list[Recording] = []
    dropped: list[tuple[str, str]] = []
    # Not splitlines: a text may hold one of the rarer characters that it breaks at.
    for number, line in enumerate(place.text("metadata.csv").split("\n"), 1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("|")]
        key = fields[0]
        if len(fields) not in (2, 3) or not key:
            told = f"line {number} has {len(fields)} fields, id|text or id|text|normalised text wanted"
            dropped.append((key or f"line {number}", f"malformed line ({told})"))
            continue
        if PurePosixPath(key).suffix.lower() in SUFFIXES and key not in files:
            key = key[: -len(PurePosixPath(key).suffix)]
        recordings.append(Recording(key, fields[-1] or fields[1], source(place, files.get(key)), number))
    return recordings, dropped


LAYOUT = Layout("ljspeech", TITLE, WANTS, found, read)
