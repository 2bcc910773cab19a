"""A report of a tiny voice on real Ray, made once; and voices that misbehave."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from ganray.audio import LogMel
from ganray.config.audio import AudioConfig
from ganray.evaluating import Report, evaluate

MEASURES = ("distillmos", "pesq", "mel")


@pytest.fixture(scope="session")
def report(mel_voice, dataset, ray_session, tmp_path_factory) -> Report:
    out = tmp_path_factory.mktemp("report") / "deep" / "inside"
    return evaluate(str(mel_voice), str(dataset), "validation", measures=MEASURES, out=out, workers=2, quiet=True)


@dataclass
class FakeVoice:
    """A voice whose `says` is whatever a test wants of it: (mel (M, F), seed) → waveform."""

    says: object
    kind: str = "mel"
    name: str = "fake"
    audio: AudioConfig = field(default_factory=AudioConfig)

    def mel(self, waveform: np.ndarray) -> np.ndarray:
        import torch

        return LogMel(self.audio)(torch.from_numpy(waveform)[None])[0].numpy()

    def vocode(self, mel: np.ndarray, seed: int = 0) -> np.ndarray:
        return self.says(mel, seed)


@pytest.fixture
def fake_voice():
    """fake_voice(says) -> voice."""
    return FakeVoice


@pytest.fixture
def clips() -> list:
    """Four seconds-long clips of noise in bursts: a split, as far as a scorer is concerned."""
    rng = np.random.default_rng(0)
    envelope = np.clip(np.sin(np.arange(93 * 256) / 3_000), 0.05, 1)
    waves = [(0.1 * rng.standard_normal(93 * 256) * envelope).astype(np.float32) for _ in range(4)]
    return [SimpleNamespace(id=f"clip-{i}", text=f"Sentence {i}.", waveform=wave) for i, wave in enumerate(waves)]
