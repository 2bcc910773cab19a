"""Clips for the measures: the first of the corpus that all tests share."""

from pathlib import Path

import numpy as np
import pytest

from ganray import audio as sound
from ganray.config.audio import AudioConfig
from tests.conftest import SHARED


@pytest.fixture(scope="session")
def contract() -> AudioConfig:
    return AudioConfig()


@pytest.fixture(scope="session")
def speech(corpus: Path, contract: AudioConfig) -> list[np.ndarray]:
    """Three clips at the contract's sample rate, normalised to -23 LUFS."""
    ids = [line.split("|")[0] for line in (corpus / "metadata.csv").read_text(encoding="utf-8").splitlines()[:3]]
    clips = [sound.read(next((corpus / "wavs").glob(f"{key}.*")), contract.sample_rate)[0] for key in ids]
    return [sound.normalise(clip, contract.sample_rate, -23.0) for clip in clips]


@pytest.fixture(scope="session")
def spoken_clips(contract: AudioConfig) -> list[tuple[np.ndarray, str]]:
    """Four recordings and what is said in them."""
    folder = SHARED / "kathleen"
    if not (folder / "metadata.csv").is_file():
        pytest.skip("no recordings here")
    lines = (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()[10:1000:250]
    texts = {line.split("|")[0]: line.split("|")[-1] for line in lines}
    return [
        (sound.read(next((folder / "wavs").glob(f"{key}.*")), contract.sample_rate)[0], text)
        for key, text in texts.items()
    ]
