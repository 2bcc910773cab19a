import numpy as np
import pyarrow as pa
import pytest

from ganray.config.prepare import PrepareConfig
from ganray.data import Dataset
from ganray.data.schema import COLUMNS
from ganray.preparing.clip import prepare_clip
from ganray.preparing.shards import SplitWriter, write_card


@pytest.fixture(scope="session")
def small_dataset(tmp_path_factory):
    """A dataset of 21 clips of 0.6 to 1.6 s in three shards, with the waveforms that went in; made without Ray."""
    return _make(tmp_path_factory.mktemp("data") / "small", indexed=False)


@pytest.fixture(scope="session")
def indexed_dataset(tmp_path_factory):
    """The same as prepare leaves it today: with digests and an index."""
    return _make(tmp_path_factory.mktemp("data") / "indexed", indexed=True)


def _make(folder, indexed):
    folder.mkdir()
    config = PrepareConfig()
    writer = SplitWriter(folder, "train", clips_per_shard=8)
    random = np.random.default_rng(0)
    for number in range(21):
        clip = prepare_clip(_recording(random, 0.6 + number / 20), config)
        row = {
            "id": f"clip{number}",
            "text": f"Sentence {number}.",
            "phonemes": [],
            "speaker": "nobody",
            "language": "en",
            "style": "",
            "audio": clip.flac,
            "num_samples": clip.num_samples,
            "f0": clip.f0,
            "energy": clip.energy,
            "flags": [],
        }
        writer.write(pa.Table.from_pylist([row], schema=COLUMNS))
    written = writer.close()
    split = {"clips": 21, "seconds": written["num_samples"] / 24_000, "shards": written["shards"]}
    if indexed:
        split |= {"shard_digests": written["digests"], **writer.index()}
    card = {"schema_version": 1, "kind": "dataset", "audio": config.audio.model_dump(), "splits": {"train": split}}
    write_card(folder, card)
    return folder


@pytest.fixture
def split(small_dataset):
    return Dataset.open(small_dataset).split("train")


def _recording(random, seconds):
    import io

    import soundfile

    times = np.arange(int(seconds * 24_000)) / 24_000
    tone = sum(np.sin(2 * np.pi * 150 * k * times) / k for k in range(1, 9))
    file = io.BytesIO()
    waveform = 0.1 * tone + 0.01 * random.standard_normal(len(times))
    soundfile.write(file, waveform, 24_000, format="WAV")
    return file.getvalue()
