"""What would end a training later ends it before its first step, all of it in one message."""

import json
import shutil
import time

import pytest
import torch

from ganray.data import Dataset
from ganray.errors import ConfigError, DataError, PlacementError, UsageError
from ganray.metrics.base import Measure
from ganray.training import preflight, probe
from ganray.training.preflight import check_cluster, check_here, memory_is_told


@pytest.fixture
def nodes(monkeypatch):
    """nodes(*folders) -> ask: nodes besides the driver's that see `storage` in folders of their own."""

    def make(storage, *folders, change=None):
        found = [{"NodeID": f"{n:06}", "NodeManagerHostname": f"host{n}"} for n in range(1 + len(folders))]
        monkeypatch.setattr(preflight, "must_fit", lambda config: None)
        monkeypatch.setattr(preflight, "_own_node", lambda: "000000")
        monkeypatch.setattr(preflight, "_candidates", lambda config: found)

        def ask(answers, question):
            dataset, shards, there, token = question
            assert there == str(storage)
            seen = zip(answers.items(), folders, strict=True)
            told = {node: probe.look(dataset, shards, str(folder), token, answer) for (node, answer), folder in seen}
            return (change or (lambda told: told))(told)

        return ask

    return make


def test_out_of_memory_names_the_keys_to_change(tiny_run):
    named = r"data\.accumulate \(now 1.*data\.batch_size \(now 4\)"
    with pytest.raises(PlacementError, match=named), memory_is_told(tiny_run()):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


def test_a_probe_tells_what_it_cannot_read(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({"digest": "abc"}))
    (tmp_path / "shard").write_bytes(b"12345")
    assert probe.digest(str(tmp_path)) == "abc"
    assert probe.unreadable(str(tmp_path), {"shard": 5}) == ""
    assert probe.unreadable(str(tmp_path), {"shard": 6}) == "shard has 5 bytes, not 6"
    assert "No such file" in probe.unreadable(str(tmp_path), {"gone": 1})
    assert "No such file" in probe.unreadable(str(tmp_path / "nowhere"), {})


def test_a_bucket_is_written_and_read_back_and_left_clean(s3, tmp_path):
    uri = s3.at(tmp_path.name)
    with preflight._token(uri) as token:
        assert probe.unshared(uri, token, "answer") == ""
        assert probe.unshared(uri, "another", "answer") == "what the driver wrote there is not seen"
        assert preflight._sees(uri, "answer")
    assert not preflight._sees(uri, token)
    with pytest.raises(OSError, match="nowhere"), preflight._token(uri.replace("bucket", "nowhere", 1)):
        pass


@pytest.mark.ray
def test_all_that_is_wrong_here_is_one_message(dataset, tiny_run, monkeypatch):
    monkeypatch.setattr(preflight, "missing", lambda names: list(names))
    with pytest.raises(ConfigError, match="pip install 'ganray"):
        check_here(tiny_run("log.trackers=[wandb]"), dataset)
    with pytest.raises(UsageError) as caught:
        check_here(tiny_run("log.trackers=[wandb]", "audio.n_mels=80"), dataset)
    assert caught.value.exit_code == 2
    assert [problem.path for problem in caught.value.problems] == ["ConfigError", "n_mels"]


@pytest.mark.ray
def test_a_measure_that_is_not_installed_is_told_before_the_first_step(dataset, tiny_run, monkeypatch):
    monkeypatch.setattr(Measure, "installed", property(lambda self: self.module != "pesq"))
    with pytest.raises(ConfigError, match="pesq is not installed") as caught:
        check_here(tiny_run("validation.measures=[pesq]"), dataset)
    assert "ganray[evaluate]" in str(caught.value)


def test_a_text_generator_needs_phonemes_of_its_own_front_end(dataset, tiny_text_run, tmp_path):
    assert check_here(tiny_text_run(), dataset)
    other = shutil.copytree(dataset, tmp_path / "other")
    card = json.loads((other / "dataset.json").read_text())
    card["front_end"] = {"name": "none", "version": "0"}
    (other / "dataset.json").write_text(json.dumps(card))
    with pytest.raises(DataError, match="no phonemes of the front-end english") as caught:
        check_here(tiny_text_run(), other)
    assert "--set front_end=english" in caught.value.mend


@pytest.mark.ray
def test_one_node_is_checked_at_once_and_nothing_is_left(dataset, tiny_run, tmp_path):
    data = Dataset.open(dataset)
    started = time.monotonic()
    check_cluster(tiny_run(), data, str(tmp_path / "runs"))
    assert time.monotonic() - started < 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.ray
def test_a_node_is_asked_by_a_task_that_needs_no_core(dataset, tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr(preflight, "_own_node", lambda: "")  # as for a driver outside of the cluster
    data = Dataset.open(dataset)
    check_cluster(tiny_run(), data, str(tmp_path))
    data.card["digest"] = "another"
    with pytest.raises(DataError, match="sees another dataset"):
        check_cluster(tiny_run(), data, str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.ray
def test_nodes_without_shared_storage_are_an_error_at_the_start(dataset, tiny_run, tmp_path, nodes):
    storage, own = tmp_path / "runs", tmp_path / "on-host1"
    for folder in (storage, own):
        folder.mkdir()
    ask = nodes(storage, own, storage)
    with pytest.raises(UsageError, match="not shared with node host1/000001: what the driver wrote there is not seen"):
        check_cluster(tiny_run(), Dataset.open(dataset), str(storage), ask)
    assert [*storage.iterdir(), *own.iterdir()] == []


@pytest.mark.ray
def test_a_copy_made_once_is_no_shared_storage(dataset, tiny_run, tmp_path, nodes):
    storage, own = tmp_path / "runs", tmp_path / "on-host1"
    storage.mkdir()
    ask = nodes(storage, own)

    def copies(answers, question):
        shutil.copytree(storage, own)  # as by a job's working_dir
        return ask(answers, question)

    with pytest.raises(UsageError, match="what it wrote there is not seen by the driver"):
        check_cluster(tiny_run(), Dataset.open(dataset), str(storage), copies)


@pytest.mark.ray
def test_problems_of_several_nodes_are_one_message(dataset, tiny_run, tmp_path, nodes):
    def change(told):
        (one, first), (two, _) = told.items()
        return {one: first | {"dataset": "Permission denied"}, two: first | {"ganray": "ganray is not installed"}}

    ask = nodes(tmp_path, tmp_path, tmp_path, change=change)
    with pytest.raises(PlacementError) as caught:
        check_cluster(tiny_run(), Dataset.open(dataset), str(tmp_path), ask)
    told = [problem.rule for problem in caught.value.problems]
    assert len(told) == 2, told
    assert "host1/000001 cannot read the dataset" in told[0]
    assert told[1] == "node host2/000002: ganray is not installed"


@pytest.mark.ray
def test_a_node_that_does_not_answer_is_told(dataset, tiny_run, tmp_path, nodes):
    ask = nodes(tmp_path, tmp_path, change=lambda told: {})
    with pytest.raises(PlacementError, match="node host1/000001 does not answer"):
        check_cluster(tiny_run(), Dataset.open(dataset), str(tmp_path), ask)


@pytest.mark.ray
def test_storage_that_cannot_be_written_is_an_error_at_the_start(dataset, tiny_run, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot write storage"):
        check_cluster(tiny_run(), Dataset.open(dataset), str(tmp_path / "file"))
