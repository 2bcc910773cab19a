"""LibriTTS, LibriTTS-R and LibriSpeech: `SET/SPEAKER/CHAPTER/SPEAKER_CHAPTER_….wav`, texts in files beside.

LibriTTS (Zen et al. 2019) and LibriTTS-R (Koizumi et al. 2023) have `….normalized.txt` and `….original.txt` for every
recording, LibriSpeech (Panayotov et al. 2015) one `….trans.txt` a chapter. Sets that begin with dev and test are the
validation and the test split.
"""

from pathlib import PurePosixPath

from ganray.data.place import Place
from ganray.data.readers.layout import Layout, corpus, lacks, sounds, source, split_of
from ganray.data.recording import Corpus, Recording

TITLE = "LibriTTS"
WANTS = "SET/SPEAKER/CHAPTER/ with .wav and .normalized.txt, or .flac and .trans.txt"


def found(place: Place) -> bool:
    """It has texts by those names."""
    return any(name.endswith((".normalized.txt", ".trans.txt")) for name in place.files)


def read(place: Place) -> Corpus:
    """Read `place`: the whole corpus, a set of it, or a speaker."""
    if not found(place):
        raise lacks(place, "has no .normalized.txt and no .trans.txt", WANTS)
    chapters = _chapters(place)
    recordings = []
    lists: dict[str, list[str]] = {"validation": [], "test": []}
    for path, name in sounds(place).items():
        parts, key = path.split("/"), PurePosixPath(path).name
        recordings.append(
            Recording(key, _text(place, path, chapters), source(place, name), speaker=_speaker(parts), language="en")
        )
        split = split_of(parts[-4]) if len(parts) >= 4 else None
        if split:
            lists[split].append(key)
    if not recordings:
        raise lacks(place, "has no recording", WANTS)
    if sum(map(len, lists.values())) == len(recordings):  # a dev set alone: to be split like any other
        lists = {}
    return corpus(TITLE, recordings, lists=lists)


def _speaker(parts: list[str]) -> str:
    return parts[-3] if len(parts) >= 3 else parts[-1].replace("-", "_").split("_")[0]


def _text(place: Place, path: str, chapters: dict[str, str]) -> str:
    for kind in ("normalized", "original"):
        if f"{path}.{kind}.txt" in place:
            return " ".join(place.text(f"{path}.{kind}.txt").split())
    return chapters.get(PurePosixPath(path).name, "")


def _chapters(place: Place) -> dict[str, str]:
    said = {}
    for name in place.files:
        if name.endswith(".trans.txt"):
            for line in place.text(name).split("\n"):
                key, _, text = line.strip().partition(" ")
                # All in capitals, which a front-end would spell out as abbreviations.
                said[key] = text.strip().capitalize() if text.isupper() else text.strip()
    return said


LAYOUT = Layout("libritts", TITLE, WANTS, found, read)
