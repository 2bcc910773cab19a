"""VCTK: `wav48_silence_trimmed/p225/p225_001_mic1.flac` or `wav48/p225/p225_001.wav`, and `txt/p225/p225_001.txt`.

Yamagishi, Veaux and MacDonald, doi.org/10.7488/ds/2645. Of two microphones the first is read where there is one.
"""

import re

from ganray.data.place import Place
from ganray.data.readers.layout import Layout, corpus, lacks, sounds, source
from ganray.data.recording import Corpus, Recording

TITLE = "VCTK"
WANTS = "wav48_silence_trimmed/ or wav48/ with a folder a speaker, beside txt/"
_FOLDERS = ("wav48_silence_trimmed", "wav48", "wav16", "wav")


def found(place: Place) -> bool:
    """It has txt/ and a folder of recordings by a VCTK name."""
    return "txt" in place.tops and any(name in place.tops for name in _FOLDERS)


def read(place: Place) -> Corpus:
    """Read `place`."""
    folder = next((name for name in _FOLDERS if name in place.tops), None)
    if folder is None or "txt" not in place.tops:
        raise lacks(place, f"has no folder {'txt' if folder else 'wav48'}", WANTS)
    recordings: dict[str, Recording] = {}
    for key, name in sounds(place, folder).items():  # in order: mic1 before mic2
        speaker, _, utterance = key.rpartition("/")
        utterance = re.sub(r"_mic\d$", "", utterance)
        if utterance not in recordings:
            text = f"txt/{speaker}/{utterance}.txt"
            said = " ".join(place.text(text).split()) if text in place else ""
            speaker = speaker.split("/")[-1] or utterance.split("_")[0]
            recordings[utterance] = Recording(utterance, said, source(place, name), speaker=speaker, language="en")
    if not recordings:
        raise lacks(place, f"has no recording in {folder}", WANTS)
    return corpus(TITLE, recordings.values())


LAYOUT = Layout("vctk", TITLE, WANTS, found, read)
