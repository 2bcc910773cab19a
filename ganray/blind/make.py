"""A listening test: sounds, equally loud and without names, on one page; what they are lies in another file."""

import base64
import json
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np

import ganray
from ganray.audio import encode, normalise, resample
from ganray.blind.key import ANCHOR, REFERENCE
from ganray.blind.systems import System
from ganray.data import Clip
from ganray.errors import UsageError

Kind = Literal["ab", "abx", "mushra"]
LOUDNESS_LUFS = -23.0
ANCHOR_HZ = 3_500
"""Low-pass of the anchor of a MUSHRA test, ITU-R BS.1534-3, section 5."""
MOST_SYSTEMS = 8
"""In a MUSHRA trial, with reference and anchor: listeners tire of more."""


@dataclass(frozen=True)
class Made:
    """A test's files.

    Attributes:
        page: What listeners open.
        key: Which sound is whose; listeners don't need it.
        trials: How many there are.
        test: Its id: 64 random bits.
    """

    page: Path
    key: Path
    trials: int
    test: str


def make_test(
    kind: Kind,
    systems: Sequence[System],
    clips: Sequence[Clip],
    sample_rate: int,
    out: str | Path,
    *,
    title: str = "Listening test",
    tell: Callable[[str], None] = lambda _: None,
) -> Made:
    """Write the page and the key of a test.

    `ab`: which of two is better, every pair on every clip. `abx`: which of two is X, likewise: whether a difference is
    heard at all. `mushra`: all on a scale of 0 to 100 beside the recording, with the recording hidden among them and an
    anchor of 3.5 kHz.

    Args:
        kind: Of the test.
        systems: What is compared.
        clips: With the recording of each.
        sample_rate: Of the clips' recordings.
        out: Folder.
        title: Of the page.
        tell: Told what is done.

    Raises:
        UsageError: There are too few or too many systems, or no clips.

    Source: ITU-R BS.1116-3 (ABX), BS.1534-3 (MUSHRA).
    """
    _check(kind, systems, clips)
    names: dict[str, str] = {}
    sounds: dict[str, str] = {}
    trials: list[dict[str, Any]] = []

    def sound(name: str, waveform: np.ndarray, rate: int) -> str:
        identity = secrets.token_hex(6)
        level = normalise(np.asarray(waveform, np.float32), rate, LOUDNESS_LUFS)
        names[identity] = name
        sounds[identity] = "data:audio/flac;base64," + base64.b64encode(encode(level, rate, "flac")).decode()
        return identity

    for number, clip in enumerate(clips):
        tell(f"clip {number + 1} of {len(clips)}")
        said = {system.name: sound(system.name, system.speak(clip), system.sample_rate) for system in systems}
        about = {"clip": clip.id, "text": clip.text}
        if kind == "mushra":
            reference = sound(REFERENCE, clip.waveform, sample_rate)
            hidden = sound(REFERENCE, clip.waveform, sample_rate)
            anchor = sound(ANCHOR, low_passed(clip.waveform, sample_rate), sample_rate)
            trials.append({**about, "reference": reference, "sounds": [*said.values(), hidden, anchor]})
        else:
            trials += [{**about, "sounds": [said[a], said[b]]} for a, b in combinations(said, 2)]
    identity = secrets.token_hex(8)
    common = {"schema_version": 1, "test": identity, "type": kind, "title": title, "ganray": ganray.__version__}
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / "key.json"
    _write(key, json.dumps({**common, "kind": "listening-key", "names": names, "trials": trials}, indent=1) + "\n")
    shown = [{k: v for k, v in trial.items() if k != "clip"} | {"trial": i} for i, trial in enumerate(trials)]
    page = folder / "index.html"
    _write(page, _page({**common, "trials": shown, "sounds": sounds}))
    return Made(page, key, len(trials), identity)


def low_passed(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """(T,) without what lies above 3.5 kHz: down to 7 kHz sample rate, and back."""
    down = resample(np.asarray(waveform, np.float32), sample_rate, 2 * ANCHOR_HZ)
    back = resample(down, 2 * ANCHOR_HZ, sample_rate)[: len(waveform)]
    return np.pad(back, (0, len(waveform) - len(back)))


def _check(kind: Kind, systems: Sequence[System], clips: Sequence[Clip]) -> None:
    least = 1 if kind == "mushra" else 2
    if len(systems) < least:
        raise UsageError(f"a test of kind {kind} compares {least} or more", systems=len(systems), mend="give another")
    if kind == "mushra" and len(systems) > MOST_SYSTEMS:
        raise UsageError("too many for one trial", systems=len(systems), allowed=MOST_SYSTEMS, mend="make two tests")
    if not clips:
        raise UsageError("no clip to listen to", mend="give --clips 1 or more")


def _page(test: dict[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    # Inside a script `</` would end it, and nothing else can.
    document = json.dumps(test, ensure_ascii=False).replace("</", "<\\/")
    script = (Path(__file__).parent / "page.js").read_text(encoding="utf-8")
    return environment.get_template("page.html.j2").render(test=test, document=document, script=script)


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
