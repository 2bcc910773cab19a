"""A corpus for trying things out where there are no recordings: clean speech of one voice, made by hibari-tts.

hibari-tts (Apache-2.0) carries its voice in the wheel, so nothing is downloaded.
"""

import itertools
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ganray.audio import write
from ganray.errors import ConfigError, UsageError

_WHO = (
    "the old fisherman", "my younger sister", "a tired doctor", "the quiet neighbour", "his best friend",
    "the village teacher", "a curious child", "the night watchman", "our new pilot", "the famous singer",
    "a clever fox", "the grey horse", "her grandfather", "the busy cook", "a stubborn judge",
)  # fmt: skip
_DID = (
    "watched", "forgot", "painted", "carried", "followed", "described", "borrowed", "repaired", "enjoyed",
    "questioned", "measured", "discovered", "brought", "threw away", "chose",
)  # fmt: skip
_WHAT = (
    "the silver bridge", "a heavy wooden box", "seven fresh oranges", "the longest road", "a thin blue thread",
    "the garden gate", "an ancient map", "the first train", "a bowl of hot soup", "the missing key",
    "three large boats", "a yellow umbrella", "the church tower", "some very good advice", "the broken engine",
)  # fmt: skip
_WHEN = (
    "before the sun came up", "on a cold winter morning", "while everyone was asleep", "just after lunch",
    "without saying a word", "with great pleasure", "at the edge of the forest", "during the storm",
    "as if nothing had happened", "for the third time this week", "near the river", "in less than an hour",
    "because the weather was fine", "though nobody had asked", "under a clear sky",
)  # fmt: skip


def sentences(seed: int = 0) -> Iterator[str]:
    """Plain English sentences, all different, in an order that the seed decides."""
    combinations = list(itertools.product(_WHO, _DID, _WHAT, _WHEN))
    random.Random(seed).shuffle(combinations)
    for number, (who, did, what, when) in enumerate(combinations):
        if number % 4 == 3:
            yield f"Do you know whether {who} {did} {what} {when}?"
        elif number % 4 == 2:
            yield f"{when[0].upper()}{when[1:]}, {who} {did} {what}."
        else:
            yield f"{who[0].upper()}{who[1:]} {did} {what} {when}."


def make_corpus(
    out: str | Path, minutes: float, seed: int = 0, tell: Callable[[float], None] = lambda seconds: None
) -> Path:
    """Write a corpus in LJSpeech layout: beside, then renamed.

    Args:
        out: Folder; must not be there yet.
        minutes: How much speech, at least.
        seed: Of the sentences.
        tell: Called after every clip with the seconds made so far.

    Raises:
        UsageError: The folder is there already.
        ConfigError: hibari-tts isn't installed.
    """
    try:
        from hibari import Hibari
    except ImportError as error:
        raise ConfigError(
            "without --corpus, speech is made by hibari-tts, which isn't installed",
            mend='pip install "ganray[demo]", or give --corpus DIR',
        ) from error
    out = Path(out)
    if out.exists():
        raise UsageError(f"{out} is there already", mend="choose another folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    speak, seconds, lines = Hibari(), 0.0, []
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        beside = Path(folder) / "corpus"
        for number, text in enumerate(sentences(seed)):
            waveform = speak(text, seed=seed + number)
            name = f"hibari-{number:04d}"
            write(beside / "wavs" / f"{name}.flac", waveform, 24_000)
            lines.append(f"{name}|{text}|{text}")
            seconds += len(waveform) / 24_000
            tell(seconds)
            if seconds >= 60 * minutes:
                break
        (beside / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        beside.rename(out)
    return out
