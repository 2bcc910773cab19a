"""What is done with one clip: the voice and the scale speak it, the measures judge it. Every worker holds a scorer."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ganray.audio import FORMATS, encode
from ganray.data import Clip, Split
from ganray.errors import ConfigError, DataError, GanrayError
from ganray.evaluating.folder import Alone, Folder, Matched
from ganray.evaluating.others import Others
from ganray.metrics import MEASURES, score
from ganray.metrics.frechet import embedded
from ganray.metrics.plots import colour_range, strip
from ganray.metrics.references import griffin_lim, noise, world
from ganray.voice import Voice

SCALE = ("recording", "world", "griffin_lim", "noise")
"""The rows that a voice is read beside, best first."""
OTHERS = "others"
"""What measures of sets hold the rows against."""
SHOWN = ("voice", "recording", "copy", "world", "griffin_lim")
"""The rows that a page plays: nobody wants to hear white noise."""


@dataclass
class Failure:
    """Why there is no number."""

    clip: str
    row: str
    measure: str
    reason: str


@dataclass
class Sound:
    """What a page needs to play and show one row of one clip."""

    audio: bytes
    media_type: str
    seconds: float
    picture: bytes


@dataclass
class ClipScores:
    """All that is known of one clip."""

    id: str
    text: str
    seconds: float
    rows: dict[str, dict[str, float]] = field(default_factory=dict)
    """Row → measure → value."""
    failures: list[Failure] = field(default_factory=list)
    synthesis_s: float = float("nan")
    """What the voice took of one core, in seconds: not of the clock, which a busy machine stretches."""
    sounds: dict[str, Sound] = field(default_factory=dict)
    """Row → sound, where the clip is shown on the page."""
    embedded: dict[str, list[np.ndarray]] = field(default_factory=dict)
    """Row → (N, 200) float16 of each of its clips, for measures of sets: one clip; of `OTHERS` this clip's share."""


class Scorer:
    """Judges one clip after the other.

    Args:
        voice: Of kind `text` (it says what each clip says, and its vocoder copies the clip), `mel` (its copy-synthesis
            of each clip is judged) or `noise` (as many draws as clips); or a folder of files named as the clips.
        split: The clips.
        measures: Names of `MEASURES`.
        scale: Which rows of `SCALE` to judge too.
        seed: Every clip's randomness comes from this and the clip's index, on whatever worker it is judged.
        audio_format: Of the sounds that are shown.
        others: What measures of sets hold the clips against, and the split of it.
    """

    def __init__(
        self,
        voice: Voice | Folder,
        split: Split | Matched | Alone,
        *,
        measures: Sequence[str],
        scale: Sequence[str] = SCALE,
        seed: int = 0,
        audio_format: str = "flac",
        others: tuple[Others, Split] | None = None,
    ) -> None:
        self.voice, self.split, self.audio = voice, split, voice.audio
        self.measures, self.scale, self.seed = list(measures), list(scale), seed
        self.audio_format, self.others = audio_format, others

    def __call__(self, index: int, *, shown: bool = False) -> ClipScores:
        """Judge clip `index`. What fails is told in `failures`; nothing but a missing package ends it.

        Raises:
            ConfigError: The package behind a measure isn't installed.
            DataError: The clip can't be read.
        """
        clip = self.split[index]
        result = ClipScores(clip.id, clip.text, round(len(clip.waveform) / self.audio.sample_rate, 3))
        seed = int(np.random.SeedSequence((self.seed, index)).generate_state(1)[0]) & 0x7FFFFFFF
        waveforms = {}
        for row, speak in self._rows(clip, seed).items():
            began = time.process_time()
            try:
                waveforms[row] = np.asarray(speak(), dtype=np.float32).reshape(-1)
                if row == "voice":
                    result.synthesis_s = time.process_time() - began
                self._judge(result, row, waveforms[row], clip)
                if self.others and "frechet" in self.measures:
                    self._embed(result, row, self._cut(waveforms, row, seed))
            except ConfigError:
                raise
            except Exception as error:  # a clip that breaks a voice or a measure is a finding, not the end
                reason = str(error) if isinstance(error, GanrayError) else f"{type(error).__name__}: {error}"
                done = result.rows.setdefault(row, {})
                lacking = [name for name in self._measures_of(row) if name not in done]
                lacking += ["frechet"] if "frechet" in self.measures and row not in result.embedded else []
                result.failures += [Failure(clip.id, row, name, reason) for name in lacking]
        if self.others and "frechet" in self.measures:
            for waveform in self.others[0].share(self.others[1], index):
                try:
                    self._embed(result, OTHERS, waveform)
                except DataError as error:  # a recording of a tenth of a second
                    result.failures.append(Failure(clip.id, OTHERS, "frechet", str(error)))
        if shown:
            result.sounds = self._sounds(waveforms)
        return result

    def _rows(self, clip: Clip, seed: int) -> dict[str, Callable[[], np.ndarray]]:
        recording = clip.waveform
        rows: dict[str, Callable[[], np.ndarray]] = {
            "voice": lambda: self._speak(clip, seed),
            "recording": lambda: recording,
            "copy": lambda: self._copied(clip, seed),
            "world": lambda: world(recording, self.audio),
            "griffin_lim": lambda: griffin_lim(recording, self.audio, seed),
            "noise": lambda: noise(recording, self.audio, seed),
        }
        always = {"voice", "copy"} if self.voice.kind == "text" else {"voice"}
        return {row: speak for row, speak in rows.items() if row in always or row in self.scale}

    def _speak(self, clip: Clip, seed: int) -> np.ndarray:
        if isinstance(self.voice, Folder):
            return self.voice.speak(clip)
        if self.voice.kind == "noise":
            return self.voice.draw(seed=seed, count=1)[0]
        if self.voice.kind == "text":
            return self.voice.say(clip.text, self.voice.delivery_of(clip), seed=seed).waveform
        return self.voice.vocode(self.voice.mel(clip.waveform), seed=seed)

    def _copied(self, clip: Clip, seed: int) -> np.ndarray:
        assert not isinstance(self.voice, Folder)
        return self.voice.vocode(self.voice.mel(clip.waveform), seed, clip.f0)

    def _embed(self, result: ClipScores, row: str, waveform: np.ndarray) -> None:
        vectors = embedded(waveform, self.audio.sample_rate).astype(np.float16)
        result.embedded.setdefault(row, []).append(vectors)

    def _cut(self, waveforms: dict[str, np.ndarray], row: str, seed: int) -> np.ndarray:
        """A row of a noise voice's scale, as long as its draw: distances of more seconds would be smaller."""
        waveform, draw = waveforms[row], waveforms.get("voice")
        if self.voice.kind != "noise" or draw is None:
            return waveform
        start = np.random.default_rng(seed).integers(max(1, len(waveform) - len(draw) + 1))
        return waveform[start : start + len(draw)]

    def _measures_of(self, row: str) -> list[str]:
        """A recording is trivially perfect against itself; a text has another rhythm; noise has nothing beside it."""
        kind = self.voice.kind
        beside = row != "recording" and kind != "noise"
        follows = beside and not (kind == "text" and row == "voice")
        read = not (kind == "noise" and row == "voice")
        return [
            name
            for name in self.measures
            if MEASURES[name].of == "clip"
            and (follows or not MEASURES[name].follows)
            and (beside or not MEASURES[name].needs_reference)
            and (read or not MEASURES[name].needs_text)
        ]

    def _judge(self, result: ClipScores, row: str, estimate: np.ndarray, clip: Clip) -> None:
        values, rate = result.rows.setdefault(row, {}), self.audio.sample_rate
        for name in self._measures_of(row):
            scores = score(
                [name], estimate, reference=clip.waveform, text=clip.text, sample_rate=rate, audio=self.audio
            )
            values |= scores.values
            result.failures += [Failure(result.id, row, name, reason) for reason in scores.failures.values()]

    def _sounds(self, waveforms: dict[str, np.ndarray]) -> dict[str, Sound]:
        waveforms = {row: np.nan_to_num(waveforms[row]) for row in SHOWN if row in waveforms}
        mels = {row: self.voice.mel(waveform) for row, waveform in waveforms.items()}
        if not mels:  # it could not speak, and nothing is beside it
            return {}
        low, high = colour_range([mels.get("recording", next(iter(mels.values())))])
        rate = self.audio.sample_rate
        return {
            row: Sound(
                encode(waveform, rate, self.audio_format),
                FORMATS[self.audio_format],
                len(waveform) / rate,
                strip(mels[row], low, high),
            )
            for row, waveform in waveforms.items()
        }
