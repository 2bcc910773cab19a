"""What is compared: voices, and folders of clips that any other system made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganray.audio import read
from ganray.config.bundled import located
from ganray.data import Clip
from ganray.errors import DataError, UsageError
from ganray.voice.reader import CARD

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a")


@dataclass(frozen=True)
class System:
    """Something that says clips.

    Attributes:
        name: As the results call it.
        speak: A clip → (T,) at `sample_rate`.
        sample_rate: Hz.
    """

    name: str
    speak: Callable[[Clip], np.ndarray]
    sample_rate: int


def open_systems(sources: Sequence[str], seed: int = 0) -> list[System]:
    """Voices (folders, or names of those that come with ganray) and folders of recordings named as the clips.

    Raises:
        DataError: One is neither.
        UsageError: There is a voice of noise among them.
    """
    systems: list[System] = []
    for source in sources:
        system = _voice(source, seed) if (located(source) / CARD).is_file() else _folder(Path(source))
        names = [other.name for other in systems]
        if system.name in names:  # two folders of one name, or one voice twice
            number = 1 + sum(name.split("#")[0] == system.name for name in names)
            system = System(f"{system.name}#{number}", system.speak, system.sample_rate)
        systems.append(system)
    return systems


def _voice(source: str, seed: int) -> System:
    from ganray.voice import Voice  # with torch, which a service's front does without

    voice = Voice.load(source)
    if voice.kind == "noise":
        raise UsageError(f"{source} is a voice of noise: it says no clip", mend="use mel or text voices")

    def speak(clip: Clip) -> np.ndarray:
        if voice.kind == "text":
            return voice.say(clip.text, voice.delivery_of(clip), seed=seed).waveform
        return voice.vocode(voice.mel(clip.waveform), seed, clip.f0)

    return System(voice.name, speak, voice.audio.sample_rate)


def _folder(path: Path) -> System:
    files = {file.stem: file for file in path.glob("*") if file.suffix in SUFFIXES} if path.is_dir() else {}
    if not files:
        raise DataError(
            f"{path} is no voice and no folder of recordings", mend=f"give a voice, or files {', '.join(SUFFIXES)}"
        )
    rate = read(next(iter(files.values())))[1]

    def speak(clip: Clip) -> np.ndarray:
        if clip.id not in files:
            raise DataError(f"{path} has no recording of the clip {clip.id}", mend=f"name it {clip.id}.wav")
        return read(files[clip.id], rate)[0]

    return System(path.name, speak, rate)
