"""An A/B test of sounds that are there already: of a promotion's probes, of what a sweep's trials left."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ganray.audio import resample
from ganray.blind.collection import RESULTS
from ganray.blind.make import Made, make_test
from ganray.blind.systems import System
from ganray.data import Clip

Sound = tuple[np.ndarray, int]
"""(T,), and its sample rate in Hz."""


def ab_of(
    sounds: Mapping[str, Mapping[str, Sound]], out: str | Path, *, title: str, texts: Mapping[str, str] | None = None
) -> Made | None:
    """Write the page and the key of an A/B test of every two systems on the clips that all of them have.

    Args:
        sounds: System → clip → its sound.
        out: Folder. A test in it that has results already is left as it is: its listeners heard those sounds.
        title: Of the page.
        texts: Clip → what is said in it, where that is known.

    Returns:
        The files; None where there are no two systems with a clip in common, or the folder has results.
    """
    shared = [clip for clip in next(iter(sounds.values()), {}) if all(clip in its for its in sounds.values())]
    if len(sounds) < 2 or not shared or (Path(out) / RESULTS).is_dir():
        return None
    nothing = np.zeros(0, np.float32)
    clips = [Clip(name, (texts or {}).get(name, ""), (), "", "", "", waveform=nothing, f0=nothing) for name in shared]
    systems = [_system(name, its, its[shared[0]][1]) for name, its in sounds.items()]
    return make_test("ab", systems, clips, systems[0].sample_rate, out, title=title)


def _system(name: str, sounds: Mapping[str, Sound], sample_rate: int) -> System:
    def speak(clip: Clip) -> np.ndarray:
        waveform, rate = sounds[clip.id]
        waveform = np.nan_to_num(waveform)
        return waveform if rate == sample_rate else resample(waveform, rate, sample_rate)

    return System(name, speak, sample_rate)
