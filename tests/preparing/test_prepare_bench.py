"""`ganray bench prepare` measures what it says, and its peers prepare."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from ganray.cli.bench import group
from ganray.config.audio import AudioConfig
from ganray.preparing.peers import PEERS


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_prepares_every_clip(name, make_corpus, tmp_path):
    pytest.importorskip("librosa")
    corpus = make_corpus({"a": "One sentence.", "b": "Another sentence."})
    clips = [(corpus / "wavs" / f"{key}.wav", "One sentence.") for key in "ab"]
    (tmp_path / "out").mkdir()
    PEERS[name](clips, tmp_path / "out", AudioConfig())
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(files) == {"parallel_wavegan": 6, "piper": 4, "same_work": 4}[name]
    if name == "parallel_wavegan":
        mels = [np.load(tmp_path / "out" / file) for file in files if file.endswith(".norm.npy")]
        assert np.concatenate(mels).mean(0) == pytest.approx(np.zeros(AudioConfig().n_mels), abs=1e-3)


@pytest.mark.ray
def test_the_bench_tells_stages_and_cores(ray_session, make_corpus, speech):
    corpus = make_corpus({f"c{n}": (f"Sentence {n}.", speech(2, n)) for n in range(12)})
    done = CliRunner().invoke(group, ["prepare", str(corpus), "--rounds", "1", "--no-peers", "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert {"read", "measure", "sound", "pitch", "phonemes", "store"} <= set(document["stages"])
    assert all(speed > 1 for speed in document["stages"].values())
    assert (document["clips"], document["peers"]) == (12, {})
    assert document["times_real_time"] == document["two_cores"]["times_real_time"] > 0
    assert document["two_cores_over_one"] > 0
