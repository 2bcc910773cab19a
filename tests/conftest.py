"""What all tests share: recordings, a dataset of them, tiny voices, and one Ray cluster a session."""

import os
from pathlib import Path

# Before anything imports Ray or torch: one thread a process, quick health checks, and no token files at home.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")
os.environ.setdefault("RAY_AUTH_MODE", "disabled")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
# Ray's workers would let all else that the machine does go first: on a busy one a test of 2 s takes minutes.
os.environ.setdefault("RAY_worker_niceness", "0")
# What Ray's processes need for the tests' own S3 server, they inherit when they start.
os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}

import numpy as np
import pytest
import soundfile
import torch
from filelock import FileLock

from ganray.models import build_generator, load_run
from ganray.voice import save_voice

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("GANRAY_SHARED_DATA", ROOT.parent / "shared" / "data"))
TINY = [
    "generator.channels=32",
    "generator.inner=64",
    "generator.blocks=2",
    "generator.f0_channels=16",
    "generator.f0_blocks=1",
    "discriminators.0.channels=[4,8]",
    "discriminators.0.periods=[2,3]",
    "discriminators.1.channels=2",
    "data.batch_size=4",
    "data.segment_length=4096",
    "optim.discriminator.start_step=0",
    "checkpoint.measure=mel",
    "validation.measures=[mel]",
    "validation.clips=2",
    "precision=fp32",
]
"""`--set` texts that make source_filter_small train in moments."""
TINY_TEXT = [
    *(text for text in TINY if not text.startswith(("generator.", "checkpoint.", "validation.measures"))),
    "generator.text_channels=16",
    "generator.text_blocks=1",
    "generator.channels=32",
    "generator.inner=64",
    "generator.blocks=1",
    "generator.vocoder={channels: 32, inner: 64, blocks: 2, f0_blocks: 0}",
    "data.judged_length=4096",
]
"""The same for text_small."""


@pytest.fixture
def in_doubles(monkeypatch):
    """Everything in double precision: what then differs is the mathematics, and not how a processor rounds."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="session")
def ray_session():
    """One embedded cluster of four logical CPUs for the whole session."""
    import ray

    from ganray.provisioning.connect import connect

    os.environ.pop("RAY_ADDRESS", None)
    connect("local", num_cpus=4)
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def s3():
    """A real S3-protocol server on loopback, which can go away and come back; credentials are in the environment."""
    from tests.s3 import Server

    server = Server()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    """24 clips in LJSpeech layout: real recordings where they are at hand, else something like speech."""
    folder = tmp_path_factory.mktemp("corpus") / "speech"
    folder.mkdir()
    real = SHARED / "kathleen"
    if (real / "metadata.csv").is_file():
        lines = (real / "metadata.csv").read_text(encoding="utf-8").splitlines()[::60][:24]
        (folder / "wavs").symlink_to(real.resolve() / "wavs")
    else:
        (folder / "wavs").mkdir()
        lines = [f"clip{number}|This is sentence number {number}." for number in range(24)]
        for number in range(24):
            soundfile.write(folder / "wavs" / f"clip{number}.wav", like_speech(2 + number % 3, number), 24_000)
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def dataset(corpus, ray_session, tmp_path_factory) -> Path:
    """The corpus, prepared by the real pipeline: 4 clips to validate on."""
    from ganray.config.prepare import PrepareConfig
    from ganray.preparing import prepare

    # Under pytest-xdist all processes share one: the folder above theirs.
    shared = os.environ.get("PYTEST_XDIST_WORKER")
    out = (tmp_path_factory.getbasetemp().parent if shared else tmp_path_factory.mktemp("dataset")) / "speech"
    # In English, so that there are phonemes.
    config = PrepareConfig.model_validate(
        {"language": "en", "validation": {"share": 0.17, "max_clips": 4}, "test": {"max_clips": 2}}
    )
    with FileLock(f"{out}.lock"):
        if not out.exists():
            prepare(corpus, out, config, quiet=True)
    return out


@pytest.fixture(scope="session")
def tiny_run():
    """tiny_run(*overrides) -> RunConfig of a source-filter GAN that trains in moments."""

    def make(*overrides):
        return load_run("source_filter_small", [*TINY, "schedule.max_steps=4", *overrides])

    return make


@pytest.fixture(scope="session")
def mel_voice(tmp_path_factory, tiny_run) -> Path:
    """A tiny mel voice: untrained, which for a source-filter generator is a plain vocoder."""
    return _voice(tmp_path_factory, "tiny", tiny_run())


@pytest.fixture(scope="session")
def tiny_text_run():
    """tiny_text_run(*overrides) -> RunConfig of a text GAN that trains in moments."""

    def make(*overrides):
        return load_run("text_small", [*TINY_TEXT, "schedule.max_steps=4", *overrides])

    return make


@pytest.fixture(scope="session")
def text_voice(tmp_path_factory, tiny_text_run) -> Path:
    """A tiny text voice: untrained, it murmurs."""
    return _voice(tmp_path_factory, "murmur", tiny_text_run())


@pytest.fixture(scope="session")
def noise_voice(tmp_path_factory) -> Path:
    """A tiny noise voice: untrained."""
    run = load_run("article", ["generator.channels=16", "generator.length=4096", "data.segment_length=4096"])
    return _voice(tmp_path_factory, "noisy", run)


def _voice(tmp_path_factory, name, run) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("voices") / name
    generator = build_generator(run.generator, run.audio).eval()
    if generator.condition == "text":
        generator.acoustic.timing_out.bias.data[0] = 2.0  # some seven frames a symbol
    save_voice(path, generator, name=name, origin={}, sample=None)
    return path


def like_speech(seconds: float, seed: int, rate: int = 24_000) -> np.ndarray:
    """(T,): voiced syllables with a gliding F0 and noise between them."""
    random = np.random.default_rng(seed)
    times = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(140 + 40 * np.sin(2 * np.pi * 0.7 * times + random.uniform(0, 6))) / rate
    voice = sum(np.sin(k * phase) / k**1.2 for k in range(1, 20))
    syllables = np.clip(np.sin(2 * np.pi * 3 * times + random.uniform(0, 6)) + 0.5, 0, 1)
    noise = random.standard_normal(len(times))
    return (0.1 * voice * syllables + 0.02 * noise * (1 - syllables)).astype(np.float32)
