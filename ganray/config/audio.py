"""The audio contract: every number that says what a waveform and its mel spectrogram are. They exist here, once."""

from typing import Any, Literal

from pydantic import Field

from ganray.config.schema import Schema
from ganray.errors import AudioContractError, Problem

NUMBERS = ("sample_rate", "n_fft", "win_length", "hop_length", "n_mels", "f_min", "f_max")
"""What an audio contract must spell out wherever it is stored or sent; the rest has defaults."""


class AudioConfig(Schema):
    """The audio contract. Datasets, runs, voices and services carry it, and refuse to meet one that differs."""

    sample_rate: int = Field(24_000, ge=8_000, le=96_000)
    """Hz."""
    n_fft: int = Field(1024, ge=64, le=8192)
    """Size of the Fourier transform, in samples."""
    win_length: int = Field(1024, ge=64, le=8192)
    """Length of the Hann window, in samples; at most n_fft."""
    hop_length: int = Field(256, ge=16, le=4096)
    """Samples from one frame to the next."""
    n_mels: int = Field(100, ge=8, le=256)
    """Mel bands."""
    f_min: float = Field(0.0, ge=0)
    """Lower edge of the first band, Hz."""
    f_max: float = Field(12_000.0, gt=0)
    """Upper edge of the last band, Hz; at most half the sample rate."""
    mel_scale: Literal["htk", "slaney"] = "htk"
    """Formula from Hz to mel."""
    mel_norm: Literal["none", "slaney"] = "none"
    """`slaney` gives every band the same area."""
    log_base: Literal["e", "10"] = "e"
    """Base of the logarithm."""
    floor: float = Field(1e-5, gt=0)
    """Smallest magnitude that is told from silence."""
    epsilon: float = Field(0.0, ge=0, le=1e-3)
    """Added to squared magnitudes under the root: 1e-9 in HiFi-GAN's and BigVGAN's code, 0 in Vocos's."""
    padding: Literal["reflect", "constant"] = "reflect"
    """How the ends are padded: `pad` samples a side, so that T samples give T / hop_length frames."""
    centered: bool = False
    """Whether the middle of a frame's window lies on the first sample of its hop, as in Vocos's published weights,
    or on the middle of its hop, as in HiFi-GAN, BigVGAN and most of the field."""

    @property
    def frame_rate_hz(self) -> float:
        """Frames a second."""
        return self.sample_rate / self.hop_length

    @property
    def pad(self) -> int:
        """Samples of padding on each side."""
        return self.n_fft // 2 if self.centered else (self.n_fft - self.hop_length) // 2

    def rules(self) -> list[Problem]:
        """Cross-field rules; an empty list when all hold."""
        problems = []
        if self.win_length > self.n_fft:
            problems.append(
                Problem(
                    "win_length",
                    self.win_length,
                    f"{self.win_length} is longer than n_fft {self.n_fft}",
                    f"use {self.n_fft} or less",
                )
            )
        if self.hop_length * 2 > self.win_length:
            problems.append(
                Problem(
                    "hop_length",
                    self.hop_length,
                    "frames must overlap by half a window or more",
                    f"use {self.win_length // 2} or less",
                )
            )
        if not self.centered and (self.n_fft - self.hop_length) % 2:
            problems.append(
                Problem("hop_length", self.hop_length, "n_fft - hop_length must be even", f"use {self.hop_length + 1}")
            )
        if self.f_max > self.sample_rate / 2:
            problems.append(
                Problem(
                    "f_max",
                    self.f_max,
                    f"{self.f_max:g} Hz is above half the sample rate",
                    f"use {self.sample_rate / 2:g} or less",
                )
            )
        if self.f_min >= self.f_max:
            problems.append(
                Problem("f_min", self.f_min, f"{self.f_min:g} Hz is not below f_max {self.f_max:g} Hz", "use 0")
            )
        return problems

    def must_equal(self, other: "AudioConfig", *, ours: str, theirs: str) -> None:
        """Compare two contracts.

        Args:
            other: The contract to compare with.
            ours: What this one belongs to ("voice runs/a"), for the message.
            theirs: What the other one belongs to.

        Raises:
            AudioContractError: They differ; every differing key is named with both values.
        """
        mine, their = self.model_dump(), other.model_dump()
        problems = [
            Problem(key, their[key], f"{ours} has {mine[key]}, {theirs} has {their[key]}")
            for key in mine
            if mine[key] != their[key]
        ]
        if problems:
            raise AudioContractError(
                f"{ours} and {theirs} disagree on {', '.join(p.path for p in problems)}",
                problems=problems,
                mend="prepare the data, or choose a recipe or voice, with the same audio contract",
            )

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "AudioConfig":
        """Read a contract that was stored in an artifact.

        Raises:
            AudioContractError: One of the numbers is missing, or a key is unknown or out of range.
        """
        missing = [key for key in NUMBERS if not isinstance(document, dict) or key not in document]
        if missing:
            raise AudioContractError(f"not an audio contract: it lacks {', '.join(missing)}")
        try:
            return cls.model_validate(document)
        except ValueError as error:
            raise AudioContractError(f"not an audio contract: {error}") from error
