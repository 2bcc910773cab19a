"""`PrepareConfig`: everything that decides how recordings become a dataset."""

from typing import Literal

from pydantic import Field

from ganray.config.audio import AudioConfig
from ganray.config.schema import Schema
from ganray.errors import Problem


class TrimConfig(Schema):
    """Silence at both ends. A frame is speech when it comes within `threshold_db` of the clip's own loud level."""

    by: Literal["level", "voice", "nothing"] = "level"
    """`level`: what is loud is speech. `voice`: only what a voice can be, so that clicks, thumps and breaths at the
    ends go too. `nothing`: recordings keep their ends."""
    threshold_db: float = Field(30.0, ge=10, le=90)
    """Decibels below the clip's loud level (95th percentile of 20 ms frames) at which silence begins."""
    floor_db: float = Field(6.0, ge=0, le=30)
    """Decibels above the clip's noise (5th percentile) that speech stands out, but never above 20 dB under the loud
    level: in a noisy room the threshold rises with the noise."""
    lead_s: float = Field(0.1, ge=0, le=5)
    """Seconds kept before the first speech."""
    tail_s: float = Field(0.15, ge=0, le=5)
    """Seconds kept after the last speech."""


class DenoiseConfig(Schema):
    """The room, its hiss and its echo between the words. A voice that learns from recordings without it has none."""

    by: Literal["nothing", "gate"] = "nothing"
    """`gate`: what does not rise above what its band has been like for seconds is turned down (noisereduce; Sainburg et
    al. 2020). `nothing`: recordings keep their room."""
    strength: float = Field(0.8, gt=0, le=1)
    """Share of it that is taken away. Near 1, weak consonants go too."""


class LimitsConfig(Schema):
    """What makes a clip unusable. Lengths are those after trimming."""

    min_seconds: float = Field(0.5, ge=0.4)
    """Shorter clips are dropped; below 0.4 s there is no loudness to normalise by."""
    max_seconds: float = Field(20.0, gt=0)
    """Longer clips are dropped."""
    clipped_level: float = Field(0.99, gt=0, le=1)
    """Magnitude from which a sample of the recording counts as clipped; full scale is 1."""
    clipped_share: float = Field(0.001, ge=0, le=1)
    """Clips with a larger share of clipped samples are dropped."""
    silent_dbfs: float = Field(-60.0, ge=-120, le=0)
    """Clips whose loud level is below this are dropped, dB relative to full scale."""
    phoneme_s: tuple[float, float] = (0.03, 0.4)
    """Least and most seconds a phoneme, over a whole clip; outside, its text is not what is said, and it is dropped."""


class SplitConfig(Schema):
    """A split that is kept from training: a random choice of sentences, or a list of ids."""

    share: float = Field(0.03, ge=0, le=0.5)
    """Share of the clips, rounded up; 0: no such split."""
    max_clips: int = Field(40, ge=1)
    """No more clips than this."""
    ids: str | None = None
    """File with one clip id a line; instead of `share`. Other takes of its sentences are dropped."""


class DuplicatesConfig(Schema):
    """Recordings that are the same sound: copied, cut anew, louder or quieter, re-encoded, resampled."""

    drop: bool = False
    """Whether all but the first of them are dropped. Kept ones are in one split in any case."""
    near_texts: bool = False
    """Whether sentences that differ in one word count as one when splits are drawn."""


class F0Config(Schema):
    """Fundamental frequency by WORLD's estimators (Morise et al. 2009, 2010; Morise 2017)."""

    by: Literal["dio", "harvest"] = "dio"
    """`dio`, refined by StoneMask; `harvest` misses fewer voiced frames in noise and takes ten times as long."""
    floor_hz: float = Field(65.0, ge=30, le=500)
    """Lowest F0, Hz."""
    ceiling_hz: float = Field(600.0, ge=100, le=2000)
    """Highest F0, Hz."""


class SegmentsConfig(Schema):
    """Long recordings with long texts, cut into the sentences that are said in them."""

    by: Literal["nothing", "heard"] = "nothing"
    """`heard`: a recogniser of phonemes finds every sentence: English, with ganray[evaluate]. `nothing`: what is longer
    than limits.max_seconds is dropped."""
    over_s: float = Field(20.0, ge=1)
    """Recordings of more seconds, whose texts have several sentences, are cut."""
    max_error: float = Field(0.5, ge=0, le=0.6)
    """Sentences of which a larger share of the phonemes was not heard are dropped."""


class LabelsConfig(Schema):
    """What is true of all clips of a corpus that its labels.csv says nothing of."""

    speaker: str = ""
    """Who speaks; empty: the corpus folder's name."""
    language: str = ""
    """BCP 47 tag; empty: the dataset's language."""
    style: str = ""
    """How: any word; empty: no style in particular."""


class PrepareConfig(Schema):
    """Everything that decides how recordings become a dataset."""

    audio: AudioConfig = AudioConfig()
    """The audio contract: recordings are resampled to it, and F0 and energy have its frames."""
    speaker: str = ""
    """Who speaks; empty: the corpus folder's name."""
    language: str = Field("und", min_length=2)
    """BCP 47 tag of what is spoken (en, de, it); `und`: undetermined."""
    corpora: dict[str, LabelsConfig] = Field(default_factory=dict)
    """Folder's name → its speaker, language and style, where they differ: corpora.kerstin_de.language=de."""
    front_end: str = "auto"
    """What makes phonemes of the text, for text voices: `english`, `espeak:de`, …; `none`; or `auto`: `english` where
    the language is English, else none."""
    loudness_lufs: float = Field(-23.0, ge=-60, le=-5)
    """Integrated loudness of every clip (EBU R128), less where its peak would pass 0.99."""
    trim: TrimConfig = TrimConfig()
    """Silence at both ends."""
    denoise: DenoiseConfig = DenoiseConfig()
    """Noise behind the voice."""
    limits: LimitsConfig = LimitsConfig()
    """What makes a clip unusable."""
    f0: F0Config = F0Config()
    """Fundamental frequency."""
    audit: bool = True
    """Whether every recording is measured and judged, and audit.html written."""
    duplicates: DuplicatesConfig = DuplicatesConfig()
    """The same recording twice."""
    segments: SegmentsConfig = SegmentsConfig()
    """Long recordings."""
    judge: bool = False
    """Whether DistillMOS judges how natural every recording sounds and outliers are told: with ganray[evaluate], some
    10 × real time a core."""
    listen: bool = False
    """Whether a recogniser of phonemes listens to every recording and tells texts that are not what is said: English,
    with ganray[evaluate], some 15 × real time a core."""
    validation: SplitConfig = SplitConfig()
    """Clips that training is measured on; a validation.txt in the corpus is its list, unless a share is set."""
    test: SplitConfig = SplitConfig()
    """Clips that nothing is chosen by; a test.txt in the corpus is its list, unless a share is set."""
    held_out_by: Literal["sentences", "speakers"] = "sentences"
    """`sentences`: no sentence is in two splits. `speakers`: no speaker is; the shares are then of speakers, and of
    one at least."""
    seed: int = Field(1, ge=0, lt=2**31)
    """Chooses the sentences of the held-out splits."""

    @property
    def phonemes_by(self) -> str | None:
        """Name of the front-end; None where no phonemes are wanted."""
        if self.front_end == "auto":
            return "english" if self.language.lower().split("-")[0] == "en" else None
        return None if self.front_end == "none" else self.front_end


def prepare_rules(config: PrepareConfig) -> list[Problem]:
    """Every cross-field rule that `config` breaks; an empty list when all hold."""
    problems = [Problem(f"audio.{p.path}", p.value, p.rule, p.mend) for p in config.audio.rules()]
    limits, f0 = config.limits, config.f0
    if limits.min_seconds >= limits.max_seconds:
        problems.append(
            Problem(
                "limits.min_seconds",
                limits.min_seconds,
                f"is not below limits.max_seconds {limits.max_seconds:g}",
                "raise limits.max_seconds",
            )
        )
    if f0.floor_hz * 2 > f0.ceiling_hz:
        problems.append(
            Problem(
                "f0.floor_hz",
                f0.floor_hz,
                f"is less than an octave below f0.ceiling_hz {f0.ceiling_hz:g}",
                f"use {f0.ceiling_hz / 2:g} or less",
            )
        )
    if config.validation.share + config.test.share > 0.8:
        problems.append(
            Problem("validation.share", config.validation.share, "leaves too little to train on", "use 0.03")
        )
    return problems
