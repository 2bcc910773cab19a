"""Real clips for the measures: recordings where there are some, else a vowel-like sound."""

from pathlib import Path

import numpy as np
import pytest

from ganray import audio as sound
from ganray.config.audio import AudioConfig

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "data" / "kathleen"


@pytest.fixture(scope="session")
def contract() -> AudioConfig:
    return AudioConfig()


@pytest.fixture(scope="session")
def speech(contract) -> list[np.ndarray]:
    """Three clips at the contract's sample rate, normalised to -23 LUFS."""
    paths = sorted((RECORDINGS / "wavs").glob("arctic_a00*.flac"))[:3]
    clips = [sound.read(path, contract.sample_rate)[0] for path in paths] or [
        vowels(contract.sample_rate, seed) for seed in range(3)
    ]
    return [sound.normalise(clip, contract.sample_rate, -23.0) for clip in clips]


def vowels(rate: int, seed: int, seconds: float = 3.0) -> np.ndarray:
    """Harmonics of a gliding pitch under slowly changing formants, in syllables."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    f0 = 170 + 30 * np.sin(2 * np.pi * 0.7 * t + seed)
    phase = 2 * np.pi * np.cumsum(f0) / rate
    centres = [600 + 200 * np.sin(2 * np.pi * 1.3 * t), 1500 + 500 * np.sin(2 * np.pi * 0.9 * t), 2600 + 0 * t]
    wave = sum(
        np.sin(n * phase) * sum(np.exp(-(((n * f0 - c) / 180) ** 2)) + 0.01 for c in centres) for n in range(1, 40)
    )
    syllables = np.clip(np.sin(2 * np.pi * 2.2 * t) + 0.7, 0, 1)
    return (0.1 * wave * syllables + 1e-3 * rng.standard_normal(len(t))).astype(np.float32)
