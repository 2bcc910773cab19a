"""A folder of clips that any other system made, judged as a voice is: against recordings whose names its files bear."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from ganray.audio import read
from ganray.config.audio import AudioConfig
from ganray.data import Clip, Split
from ganray.errors import DataError
from ganray.metrics.base import LONGEST_DIFFERENCE_S

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a")
EXAMPLES = 3
"""Names that an error shows of each side."""


def is_folder_of_clips(path: Path) -> bool:
    """Whether audio lies in it."""
    return path.is_dir() and any(file.suffix.lower() in SUFFIXES for file in path.iterdir())


class Folder:
    """What `Voice` is to an evaluation, of files.

    Args:
        path: The folder; what lies deeper is not looked at.
        audio: The contract to judge by; None: that of the first file's rate.

    Raises:
        DataError: Two files have one name, or the first can't be read.
    """

    kind = "clips"
    num_parameters = 0

    def __init__(self, path: str | Path, audio: AudioConfig | None = None) -> None:
        self.path, self.name = Path(path), Path(path).resolve().name
        self.files: dict[str, Path] = {}
        for file in sorted(self.path.iterdir()):
            if file.suffix.lower() not in SUFFIXES or file.name.startswith("."):
                continue
            if file.stem in self.files:
                both = f"{self.files[file.stem].name} and {file.name}"
                raise DataError(f"two files of {path} have one name: {both}", mend="keep one of them")
            self.files[file.stem] = file
        self.audio = audio or _contract(next(iter(self.files.values())))

    @cached_property
    def digest(self) -> str:
        """Sixteen hex digits that change whenever a file does."""
        digest = hashlib.sha256()
        for name, file in self.files.items():
            digest.update(name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()[:16]

    def speak(self, clip: Clip) -> np.ndarray:
        """(T,) of the file that bears a clip's name, at the contract's rate.

        Raises:
            DataError: It can't be read.
        """
        return read(self.files[clip.id], self.audio.sample_rate)[0]

    def mel(self, waveform: np.ndarray) -> np.ndarray:
        """(M, F) log-mel of (T,), for pictures."""
        import torch

        from ganray.metrics.mel import log_mel

        with torch.inference_mode():
            return log_mel(self.audio)(torch.from_numpy(np.ascontiguousarray(waveform, np.float32))[None])[0].numpy()

    def matched(self, split: Split) -> "Matched":
        """The clips of a split that there are files for.

        Raises:
            DataError: There are none.
        """
        places = [place for place, name in enumerate(split.ids) if name in self.files]
        if not places:
            raise DataError(
                f"no file in {self.path} bears the name of a clip of the split {split.name}",
                got=", ".join([*self.files][:EXAMPLES]),
                want=", ".join(split.ids[:EXAMPLES]),
                mend=f"call the files as the clips: {split.ids[0]}.wav; or leave --data out, which takes only measures "
                "that need no recording",
            )
        return Matched(split, places)

    def keeps_time(self, clips: "Matched") -> bool:
        """Whether most files are as long as their recordings, by their headers: else they are another reading."""
        apart = []
        for name, num in zip(clips.ids, clips.num_samples, strict=True):
            try:
                info = soundfile.info(str(self.files[name]))
                apart.append(abs(info.frames / info.samplerate - num / clips.audio.sample_rate))
            except soundfile.LibsndfileError:  # a container whose header it doesn't read
                continue
        return not apart or float(np.median(apart)) <= LONGEST_DIFFERENCE_S


class Matched:
    """Some clips of a split.

    Args:
        split: The split.
        places: Where they are in it.
    """

    def __init__(self, split: Split, places: Sequence[int]) -> None:
        self._split, self._places = split, list(places)
        self.name, self.audio = split.name, split.audio
        self.ids = [split.ids[place] for place in self._places]
        self.num_samples = split.num_samples[self._places]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Clip:
        return self._split[self._places[index]]


class Alone:
    """A folder's own files as the clips to be judged, where there are no recordings.

    Args:
        folder: The folder.
    """

    name = "the folder"

    def __init__(self, folder: Folder) -> None:
        self._folder, self.audio = folder, folder.audio
        self.ids = list(folder.files)

    @property
    def num_samples(self) -> np.ndarray:
        """(clips,), as headers tell; 0 where they don't."""
        return np.array([_seconds(self._folder.files[name]) * self.audio.sample_rate for name in self.ids])

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Clip:
        name = self.ids[index]
        waveform = read(self._folder.files[name], self.audio.sample_rate)[0]
        nothing: dict[str, Any] = {"text": "", "phonemes": (), "speaker": "", "language": "", "style": ""}
        return Clip(name, **nothing, waveform=waveform, f0=np.zeros(0, np.float32))


def _seconds(file: Path) -> float:
    try:
        return float(soundfile.info(str(file)).duration)
    except soundfile.LibsndfileError:
        return 0.0


def _contract(file: Path) -> AudioConfig:
    rate = int(np.clip(read(file)[1], 8_000, 96_000))
    return AudioConfig(sample_rate=rate, f_max=min(12_000.0, rate / 2))
