import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def speech():
    """speech(seconds, seed, rate=24000) -> (T,): voiced syllables with a gliding F0, fricatives between them."""

    def make(seconds, seed, rate=24_000):
        random = np.random.default_rng(seed)
        times = np.arange(int(seconds * rate)) / rate
        f0 = 140 + 40 * np.sin(2 * np.pi * 0.7 * times + random.uniform(0, 6))
        phase = 2 * np.pi * np.cumsum(f0) / rate
        voice = sum(np.sin(k * phase) / k**1.2 for k in range(1, 20))
        syllables = np.clip(np.sin(2 * np.pi * 3 * times + random.uniform(0, 6)) + 0.5, 0, 1)
        noise = random.standard_normal(len(times))
        return (0.1 * voice * syllables + 0.02 * noise * (1 - syllables) + 1e-4 * noise).astype(np.float32)

    return make


@pytest.fixture
def make_corpus(tmp_path, speech):
    """make_corpus({id: text or (text, waveform) or (text, bytes)}, rate=24000) -> folder in LJSpeech layout."""

    def make(clips, rate=24_000, name="corpus"):
        folder = tmp_path / name
        (folder / "wavs").mkdir(parents=True)
        lines = []
        for seed, (key, value) in enumerate(clips.items()):
            text, sound = value if isinstance(value, tuple) else (value, speech(1.0 + seed % 5 / 10, seed, rate))
            lines.append(f"{key}|{text}")
            path = folder / "wavs" / f"{key}.wav"
            if isinstance(sound, bytes):
                path.write_bytes(sound)
            elif sound is not None:
                soundfile.write(path, sound, rate, subtype="FLOAT")
        (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return folder

    return make


@pytest.fixture(scope="session")
def shared_corpus():
    """shared_corpus(name) -> folder of a real corpus, or the test is skipped."""

    def find(name):
        folder = Path(os.environ.get("GANRAY_SHARED_DATA", ROOT.parent / "shared" / "data")) / name
        if not (folder / "metadata.csv").is_file():
            pytest.skip(f"{name} is not on this machine")
        return folder

    return find


@pytest.fixture
def part_of(tmp_path):
    """part_of(corpus, every=…, extra_ids=()) -> a corpus with some of the clips, linked."""

    def take(corpus, count, name="part"):
        folder = tmp_path / name
        folder.mkdir()
        lines = (corpus / "metadata.csv").read_text(encoding="utf-8").splitlines()
        chosen = lines[:: max(1, len(lines) // count)][:count]
        (folder / "metadata.csv").write_text("\n".join(chosen) + "\n", encoding="utf-8")
        (folder / "wavs").symlink_to(corpus / "wavs")
        return folder

    return take
