"""Every tracker against its real offline or local mode: what was told is found again, and none can harm a run."""

import json
import struct
import time
from pathlib import Path

import numpy as np
import pytest

from ganray.gan.run import Run
from ganray.training.journal import Journal
from ganray.training.trackers import Sample, missing

VARIABLES = ("WANDB_MODE", "WANDB_PROJECT", "WANDB_DIR", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME")


@pytest.fixture
def keep(tmp_path, tiny_run, monkeypatch):
    """keep(step, …metrics, trackers) -> what trackers told: one part of a run that logs one curve and a clip."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)

    def part(first, last, trackers=()):
        path, told = part.path, []
        if not path.exists():
            Run.create(path, tiny_run(f"log.trackers=[{','.join(trackers)}]"), {"path": "", "digest": "0"})
        journal = Journal(Run.open(path), first - 1, told.append)
        for step in range(first, last + 1):
            journal.tell(step, {"loss/generator/mel": 1 / step, "discriminator/0_mpd/real_percent": 50.0})
        clip = np.sin(np.arange(24_000) / 20).astype(np.float32)
        journal.keep(last, {"clip": Sample(0.5 * clip, clip)})
        journal.close()
        return told

    part.path = tmp_path / "run"
    return part


def test_tensorboard_shows_curves_sounds_spectrograms_and_the_config(keep):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert keep(1, 3) == []
    time.sleep(1.1)  # event files are told apart by their second
    assert keep(3, 4) == []  # went on from step 2: step 3 comes twice, and counts once
    events = EventAccumulator(str(keep.path / "tensorboard"), size_guidance={"audio": 0, "images": 0})
    events.Reload()
    assert [(e.step, round(e.value, 3)) for e in events.Scalars("loss/generator/mel")] == [
        (1, 1.0), (2, 0.5), (3, 0.333), (4, 0.25),
    ]  # fmt: skip
    assert {*events.Tags()["audio"]} == {"samples/clip", "recorded/clip"}
    assert events.Audio("samples/clip")[-1].sample_rate == 24_000
    image = events.Images("spectrograms/clip")[-1]
    assert image.width > image.height > 200
    assert "config/text_summary" in events.Tags()["tensors"]
    assert sorted(path.name for path in (keep.path / "samples").iterdir()) == [
        "step-0000003-clip.wav", "step-0000004-clip.wav",
    ]  # fmt: skip


def wandb_records(path: Path):
    """Records of an offline W&B file: LevelDB's log format, in blocks of 32 KiB, after a head of seven bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, place, parts = path.read_bytes(), 7, b""
    while place + 7 <= len(content):
        if 32_768 - place % 32_768 < 7:
            place += 32_768 - place % 32_768
            continue
        _, length, kind = struct.unpack_from("<IHB", content, place)
        parts += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            record = Record()
            record.ParseFromString(parts)
            parts = b""
            yield record


def test_wandb_offline_holds_the_curve_the_sound_and_one_run_over_a_resume(keep):
    assert keep(1, 2, ["wandb"]) == []
    time.sleep(1.1)
    assert keep(3, 4) == []
    files = sorted((keep.path / "wandb").glob("offline-run-*/run-*.wandb"))
    assert len(files) == 2
    curve, media, runs = [], set(), []
    for file in files:
        for record in wandb_records(file):
            if record.WhichOneof("record_type") == "run":
                runs.append((record.run.run_id, record.run.project, record.run.display_name))
            for item in record.history.item:
                if [*item.nested_key] == ["loss/generator/mel"]:
                    curve.append(json.loads(item.value_json))
                elif item.nested_key[-1:] == ["_type"]:
                    media.add((item.nested_key[0], json.loads(item.value_json)))
    assert curve == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])
    assert media == {
        ("samples/clip", "audio-file"), ("recorded/clip", "audio-file"), ("spectrograms/clip", "image-file"),
    }  # fmt: skip
    kept = json.loads((keep.path / "trackers.json").read_text())["wandb"]["id"]
    assert {*runs} == {(kept, "source_filter_small", "run")}


def test_mlflow_keeps_the_curve_the_sound_and_one_run_over_a_resume_and_a_move(keep, tmp_path):
    from mlflow.tracking import MlflowClient
    from mlflow.tracking._tracking_service import utils

    assert keep(1, 2, ["mlflow"]) == []
    (tmp_path / "moved").mkdir()
    keep.path = keep.path.rename(tmp_path / "moved" / "run")
    utils._artifact_repos_cache.clear()  # a run that is resumed is resumed by another process
    assert keep(3, 4) == []
    client = MlflowClient((keep.path / "mlflow").as_uri())
    experiment = client.get_experiment_by_name("source_filter_small")
    [run] = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == "run"
    assert run.info.status == "FINISHED"
    assert run.data.params["optim.generator.lr"] == "0.0005"
    points = client.get_metric_history(run.info.run_id, "loss/generator/mel")
    assert sorted((p.step, p.value) for p in points) == [(step, pytest.approx(1 / step)) for step in (1, 2, 3, 4)]
    kept = {f.path for folder in ("samples", "spectrograms") for f in client.list_artifacts(run.info.run_id, folder)}
    assert {"samples/clip-step-0000004.wav", "spectrograms/clip-step-0000004.png"} <= kept


def test_a_tracker_that_fails_is_told_once_and_harms_nobody(keep, monkeypatch):
    from ganray.training.trackers.mlflow import MLflow

    calls = []

    def fails(self, step, metrics):
        calls.append(step)
        raise ConnectionError("the server is gone")

    monkeypatch.setattr(MLflow, "scalars", fails)
    [told] = keep(1, 4, ["mlflow"])
    assert told == "tracker mlflow fails and is left out from here on: ConnectionError: the server is gone"
    assert calls == [1]
    assert len((keep.path / "metrics.jsonl").read_text().splitlines()) == 4


def test_a_folder_of_its_name_is_no_tracker(tmp_path, monkeypatch):
    (tmp_path / "nowhere_tracker").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert missing(("nowhere_tracker", "json")) == ["nowhere_tracker"]
