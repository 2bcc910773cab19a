"""A plain folder of recordings. What is said may stand beside each, in a `.txt` or `.lab` of its name.

Where the recordings lie in several folders, the outermost is their speaker's name.
"""

from ganray.data.place import Place
from ganray.data.readers.layout import Layout, corpus, lacks, sounds, source
from ganray.data.recording import Corpus, Recording

TITLE = "plain folder"
WANTS = "recordings, at any depth, with or without a .txt or .lab of the same name"


def found(place: Place) -> bool:
    """There is any recording, and no list of texts that some other layout was meant to read."""
    return "metadata.csv" not in place and bool(sounds(place))


def read(place: Place) -> Corpus:
    """Read `place`."""
    files = sounds(place)
    if not files:
        raise lacks(place, "has no recording", WANTS)
    folders = {key.split("/")[0] for key in files if "/" in key}
    speakers = len(folders) > 1 and all("/" in key for key in files)
    return corpus(
        TITLE,
        (
            Recording(key, _text(place, key), source(place, name), speaker=key.split("/")[0] if speakers else "")
            for key, name in files.items()
        ),
    )


def _text(place: Place, key: str) -> str:
    beside = next((f"{key}{suffix}" for suffix in (".normalized.txt", ".txt", ".lab") if f"{key}{suffix}" in place), "")
    return " ".join(place.text(beside).split()) if beside else ""


LAYOUT = Layout("folder", TITLE, WANTS, found, read)
