"""Clips for the measures: the first of the corpus that all tests share."""

from pathlib import Path

import numpy as np
import pytest

from ganray import audio as sound
from ganray.config.audio import AudioConfig


@pytest.fixture(scope="session")
def contract() -> AudioConfig:
    return AudioConfig()


@pytest.fixture(scope="session")
def speech(corpus: Path, contract: AudioConfig) -> list[np.ndarray]:
    """Three clips at the contract's sample rate, normalised to -23 LUFS."""
    ids = [line.split("|")[0] for line in (corpus / "metadata.csv").read_text(encoding="utf-8").splitlines()[:3]]
    clips = [sound.read(next((corpus / "wavs").glob(f"{key}.*")), contract.sample_rate)[0] for key in ids]
    return [sound.normalise(clip, contract.sample_rate, -23.0) for clip in clips]
