"""JSONL manifests, as NeMo has them: a line an utterance, with `audio_filepath`, `text`, and what else is known.

`offset` and `duration` cut an utterance out of a longer file; `speaker`, `language` and `style` are its labels.
"""

import json
import os

from ganray.data.place import Place, is_remote
from ganray.data.readers.layout import IDS, Layout, corpus, first, lacks, said, split_of, stem
from ganray.data.recording import Corpus, Recording
from ganray.data.source import Source

TITLE = "JSONL manifest"
WANTS = "manifest.json or .jsonl, a line an utterance: audio_filepath, text, if wanted offset, duration, speaker"
_FILES = ("audio_filepath", "audio_file", "audio_path", "file", "path", "wav", "audio")


def found(place: Place) -> bool:
    """One is named, or lies there, and its first line names a recording."""
    return any(_is_manifest(place, name) for name in _manifests(place))


def read(place: Place) -> Corpus:
    """Read `place`: one manifest, or a folder of them; those that begin with val or test are these splits."""
    names = [name for name in _manifests(place) if _is_manifest(place, name)]
    if not names:
        raise lacks(place, "has no manifest whose lines name an audio_filepath", WANTS)
    recordings: list[Recording] = []
    dropped: list[tuple[str, str]] = []
    lists: dict[str, list[str]] = {"validation": [], "test": []}
    seen: dict[str, int] = {}
    for name in names:
        for number, line in enumerate(place.text(name).split("\n"), 1):
            if not line.strip():
                continue
            row = _row(line)
            path = first(row, _FILES)
            if not isinstance(path, str):
                dropped.append((f"{name} line {number}", "malformed line (no JSON object with an audio_filepath)"))
                continue
            start, length = float(row.get("offset") or 0), row.get("duration")
            end = start + float(length) if length and (start or row.get("offset") is not None) else None
            uri = _found(place, name, path)
            recording = Recording(
                _id(row, path, start, seen), source=Source(uri, start_s=start, end_s=end) if uri else None,
                line=number,
                **said(row),
            )  # fmt: skip
            recordings.append(recording)
            split = split_of(name.split("/")[-1])
            if split and len(names) > 1:
                lists[split].append(recording.id)
    return corpus(TITLE, recordings, dropped, lists)


def _id(row: dict, path: str, start: float, seen: dict[str, int]) -> str:
    """Its own, or the file's name; several utterances of one file are told apart by where they begin."""
    own = first(row, IDS)
    if own is not None:
        return str(own)
    key = stem(path.split("/")[-1])
    if start:
        key += f"-{round(1000 * start):08d}"
    seen[key] = seen.get(key, 0) + 1
    # Files of one name in several folders.
    return key if seen[key] == 1 else stem(path).lstrip("./")


def _manifests(place: Place) -> list[str]:
    if place.only:
        return [place.only] if place.only.endswith((".json", ".jsonl", ".ndjson")) else []
    names = [name for name in place.files if "/" not in name]
    return [n for n in names if n.endswith((".jsonl", ".ndjson")) or (n.endswith(".json") and "manifest" in n.lower())]


def _is_manifest(place: Place, name: str) -> bool:
    with place.open(name) as file:
        line = file.readline(1 << 20)
    return isinstance(first(_row(line), _FILES), str)


def _row(line: str | bytes) -> dict:
    try:
        row = json.loads(line)
    except (ValueError, UnicodeDecodeError):
        return {}
    return row if isinstance(row, dict) else {}


def _found(place: Place, manifest: str, path: str) -> str | None:
    """Absolute, or beside the manifest."""
    if is_remote(path):
        return path
    if is_remote(place.uri):
        return place.at(path) if path in place else None
    whole = os.path.normpath(os.path.join(place.uri, os.path.dirname(manifest), path))
    return whole if os.path.isfile(whole) else None


LAYOUT = Layout("nemo", TITLE, WANTS, found, read)
