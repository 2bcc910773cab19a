"""The end of a pipeline: a voice of kind mel is judged on recordings by the service that runs, and taken or refused."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.numpy import load_file, save_file

from ganray.config import load
from ganray.config.pipeline import PipelineConfig, pipeline_rules
from ganray.config.serve import ServeConfig
from ganray.provisioning.pipeline import Failed, run
from ganray.serving import keys, start, traffic
from ganray.serving.traffic import Route
from tests.conftest import like_speech

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture
def storage(mel_voice, tmp_path) -> Path:
    """STORAGE of a pipeline: voices/old, good and broken, and probes."""
    for name, change in {"old": 1.0, "good": 1.01, "broken": np.nan}.items():
        folder = tmp_path / "voices" / name
        shutil.copytree(mel_voice, folder)
        weights = load_file(folder / "generator.safetensors")
        changed = {key: value * change if value.dtype.kind == "f" else value for key, value in weights.items()}
        save_file(changed, folder / "generator.safetensors")
    (tmp_path / "probes").mkdir()
    for seed in range(2):
        soundfile.write(tmp_path / "probes" / f"{seed}.wav", like_speech(1.5, seed), 24_000)
    return tmp_path


def pipeline(storage: Path, name: str, url: str) -> PipelineConfig:
    """As `cluster/pipelines/speech.yaml` ends."""
    judged = storage / "judged.py"
    judged.write_text("import json; print(json.dumps({'scores': {'pesq': {'mean': 3.0}}}))")
    promote = "ganray serve promote {name} --for default --shelf {storage}/voices --probe {storage}/probes"
    steps = {
        "evaluate": {"run": f"{sys.executable} {judged}"},
        "promote": {
            "run": f"{promote} --canary 50% --watch 2 --no-listen --url {url}",
            "at_least": {"evaluate.scores.pesq.mean": 2.5},
        },
    }
    return load(PipelineConfig, {"name": name, "storage": str(storage), "steps": steps}, rules=pipeline_rules)


def test_what_a_pipeline_made_is_judged_before_it_speaks(ray_session, storage, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    monkeypatch.setenv("GANRAY_KEY", keys.add(storage / "keys.txt", "pipeline"))
    config = ServeConfig.model_validate(
        {
            "voices": {"default": str(storage / "voices" / "old")},
            "shelf": str(storage / "voices"),
            "access": {"keys": str(storage / "keys.txt")},
            "autoscaling": {"max_replicas": 1},
        }
    )
    with start(config, port=0) as endpoint:
        with pytest.raises(Failed, match=r"promote ended with 1: broken was refused, default goes on: .*NaN") as caught:
            run(pipeline(storage, "broken", endpoint.url), print)
        assert caught.value.exit_code == 1
        assert traffic.read(storage / "voices") == {}
        done = run(pipeline(storage, "good", endpoint.url), print)
        assert done["steps"]["promote"]["what"] == "live"
        assert [row["probe"] for row in done["steps"]["promote"]["probes"]] == ["0.wav", "1.wav"]
        again = run(pipeline(storage, "good", endpoint.url), print)
        assert again["did"] == []
    assert traffic.read(storage / "voices") == {"default": Route("good")}
