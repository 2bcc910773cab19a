"""Kaldi: `wav.scp`, `text`, and where they are there `utt2spk`, `utt2lang` and `segments`.

A `wav.scp` may name commands that make the sound: they are never run. Of the plainest, `flac -d -c -s FILE |`, the file
is read.
"""

import os
import shlex
from pathlib import PurePosixPath

from ganray.data.place import Place, is_remote
from ganray.data.readers.layout import Layout, corpus, lacks, rank
from ganray.data.recording import SUFFIXES, Corpus, Recording
from ganray.data.source import Source

TITLE = "Kaldi"
WANTS = "wav.scp, text, and if wanted utt2spk, utt2lang, segments"


def found(place: Place) -> bool:
    """It has a wav.scp."""
    return "wav.scp" in place


def read(place: Place) -> Corpus:
    """Read `place`."""
    if "wav.scp" not in place:
        raise lacks(place, "has no wav.scp", WANTS)
    files, texts = _table(place, "wav.scp"), _table(place, "text")
    speakers, languages = _table(place, "utt2spk"), _table(place, "utt2lang")
    segments = _table(place, "segments")
    recordings, dropped = [], []
    for number, key in enumerate(segments or files, 1):
        recording, *window = segments[key].split() if segments else (key,)
        source, reason = _source(place, files.get(recording, ""), window)
        if reason:
            dropped.append((key, reason))
            continue
        speaker = speakers.get(key, "")
        recordings.append(
            Recording(key, texts.get(key, ""), source, number, speaker=speaker, language=languages.get(key, ""))
        )
    if not recordings and not dropped:
        raise lacks(place, "has an empty wav.scp", WANTS)
    return corpus(TITLE, recordings, dropped)


def _table(place: Place, name: str) -> dict[str, str]:
    """First word of every line → the rest of it."""
    if name not in place:
        return {}
    lines = (line.strip().partition(" ") for line in place.text(name).replace("\t", " ").split("\n"))
    return {key: rest.strip() for key, _, rest in lines if key}


def _source(place: Place, entry: str, window: list[str]) -> tuple[Source | None, str]:
    """Where the sound is, or why it can't be read."""
    if entry.endswith("|"):
        name = _decoded(entry)
        if not name:
            return None, f"command in wav.scp (it is never run: {entry[:60]})"
        entry = name
    if not entry:
        return None, "no audio file (wav.scp does not name it)"
    if ".ark:" in entry:
        return None, "archive in wav.scp (ark files are not read)"
    uri = _found(place, entry)
    if uri is None:
        return None, f"no audio file ({entry} is not there)"
    try:
        start, end = (float(window[0]), float(window[1])) if window else (0.0, None)
    except (IndexError, ValueError):
        return None, f"malformed line (segments: {' '.join(window)})"
    if end is not None and end <= start:
        end = None  # -1 stands for the end
    return Source(uri, start_s=start, end_s=end), ""


def _decoded(command: str) -> str:
    """The file that `flac -d -c FILE |` decodes; empty of any other command."""
    try:
        words = shlex.split(command.rstrip("| "))
    except ValueError:
        return ""
    files = [word for word in words[1:] if rank(word) < len(SUFFIXES)]
    plain = PurePosixPath(words[0]).name == "flac" if words else False
    return files[0] if plain and len(files) == 1 and all(w.startswith("-") or w in files for w in words[1:]) else ""


def _found(place: Place, entry: str) -> str | None:
    """Absolute, below the folder, or below the folder that holds data/SET, as Kaldi's recipes are run."""
    if is_remote(entry):
        return entry
    if is_remote(place.uri):
        return place.at(entry) if entry in place else None
    folder = PurePosixPath(place.uri)
    tried = [folder / entry, *(parent / entry for parent in list(folder.parents)[:3])]
    return next((str(path) for path in tried if os.path.isfile(path)), None)


LAYOUT = Layout("kaldi", TITLE, WANTS, found, read)
