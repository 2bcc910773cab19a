"""Piper: `metadata.csv` with `id|text` or, of several speakers, `id|speaker|text`, and recordings wherever they lie.

Where the ids' files are in `wavs/` and there are two fields, it is LJSpeech's own. With three fields, the middle one is
a speaker where there are few of them and none holds a space.
"""

from pathlib import PurePosixPath

from ganray.data.place import Place
from ganray.data.readers.layout import Layout, corpus, lacks, sounds, source
from ganray.data.recording import SUFFIXES, Corpus, Recording

TITLE = "Piper CSV"
WANTS = "metadata.csv (id|text, file|text or id|speaker|text) beside wav/, wavs/ or the files themselves"
_FEW = 0.5
"""Speakers a line, at most: normalised texts differ from line to line."""


def found(place: Place) -> bool:
    """Its metadata.csv has a column of speakers, or there is no folder wavs."""
    if "metadata.csv" not in place:
        return False
    if "wavs" not in place.tops:
        return bool(sounds(place))
    return _middle_is_speaker(_lines(place))


def read(place: Place) -> Corpus:
    """Read `place`."""
    if "metadata.csv" not in place:
        raise lacks(place, "has no metadata.csv", WANTS)
    lines = _lines(place)
    folder = next((name for name in ("wav", "wavs") if name in place.tops), "")
    files, everywhere = sounds(place, folder), sounds(place)
    everywhere |= {key.split("/")[-1]: name for key, name in everywhere.items()}
    speakers = _middle_is_speaker(lines)
    recordings, dropped = [], []
    for number, fields in lines:
        wanted = (2, 3) if speakers else (2,)
        if len(fields) not in wanted or not fields[0]:
            dropped.append((fields[0] or f"line {number}", f"malformed line (line {number} has {len(fields)} fields)"))
            continue
        key = PurePosixPath(fields[0])
        key = key.with_suffix("") if key.suffix.lower() in SUFFIXES else key
        name = files.get(str(key)) or everywhere.get(str(key))
        speaker = fields[1] if len(fields) == 3 else ""
        recordings.append(Recording(str(key), fields[-1], source(place, name), number, speaker=speaker))
    if not any(recording.source for recording in recordings):
        raise lacks(place, "has a metadata.csv of which no line names a recording that is there", WANTS)
    return corpus(TITLE, recordings, dropped)


def _lines(place: Place) -> list[tuple[int, list[str]]]:
    lines = enumerate(place.text("metadata.csv").split("\n"), 1)
    return [(number, [field.strip() for field in line.split("|")]) for number, line in lines if line.strip()]


def _middle_is_speaker(lines: list[tuple[int, list[str]]]) -> bool:
    middle = [fields[1] for _, fields in lines if len(fields) == 3]
    few = len(set(middle)) <= max(1, _FEW * len(middle))
    return len(middle) > 1 and few and all(name and " " not in name for name in middle)


LAYOUT = Layout("piper", TITLE, WANTS, found, read)
