"""Storage by URI, against a real S3-protocol server: files come and go whole, and one that fails harms nobody."""

import os
import time

import pytest

from ganray.data.storage import Storage, inside, name_of, place
from ganray.errors import UsageError
from ganray.gan.mirror import Mirror


@pytest.fixture
def storage(s3, tmp_path):
    return Storage(s3.at(tmp_path.name))


def test_a_uri_is_a_place_like_a_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert place(tmp_path) == place(f"file://{tmp_path}") == str(tmp_path)
    assert inside("s3://b/runs?scheme=http", "first") == "s3://b/runs/first?scheme=http"
    assert inside(str(tmp_path), "first") == str(tmp_path / "first")
    assert name_of("s3://b/runs/first?scheme=http") == name_of("/runs/first") == "first"
    assert place("s3://b/runs/") == "s3://b/runs"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://minio:9000/")
    assert place("s3://b/runs") == "s3://b/runs?endpoint_override=minio:9000&scheme=http"


def test_files_come_and_go_whole(storage, tmp_path):
    content = os.urandom(6 << 20)  # more than one part of an upload
    (tmp_path / "file").write_bytes(content)
    (tmp_path / "empty").touch()
    storage.put(tmp_path / "file", "checkpoints/file")
    storage.put(tmp_path / "empty", "empty")
    assert storage.files() == {"checkpoints/file": len(content), "empty": 0}
    assert storage.files("checkpoints") == {"checkpoints/file": len(content)}
    storage.fetch("checkpoints/file", tmp_path / "back" / "file")
    assert (tmp_path / "back" / "file").read_bytes() == content
    assert storage.read("empty") == b""
    storage.remove("empty")
    storage.remove("empty")
    assert list(storage.files()) == ["checkpoints/file"]
    with pytest.raises(FileNotFoundError):
        storage.fetch("nothing", tmp_path / "nothing")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "empty", "file"]


def test_storage_that_pyarrow_does_not_know_is_refused():
    with pytest.raises(UsageError, match="give a folder"):
        Storage("ftp://host/runs")


def test_a_bucket_that_is_not_there_is_told(s3, tmp_path):
    (tmp_path / "file").write_text("x")
    nowhere = Storage(s3.uri.replace("bucket", "nowhere", 1) + "&region=us-east-1")
    with pytest.raises(OSError, match="nowhere"):
        nowhere.put(tmp_path / "file", "file")


def test_a_mirror_follows_its_folder(storage, tmp_path):
    told = []
    mirror = Mirror(tmp_path, storage, told.append)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "step-1.pt").write_bytes(b"one")
    (tmp_path / "checkpoints" / ".step-2.pt").write_bytes(b"half")
    (tmp_path / "metrics.jsonl").write_text("1\n")
    mirror.wake()
    until = time.monotonic() + 20
    while "metrics.jsonl" not in storage.files():
        assert time.monotonic() < until
        time.sleep(0.05)
    (tmp_path / "checkpoints" / ".step-2.pt").rename(tmp_path / "checkpoints" / "step-2.pt")
    (tmp_path / "checkpoints" / "step-1.pt").unlink()
    mirror.remove("checkpoints/step-1.pt")
    (tmp_path / "metrics.jsonl").write_text("1\n2\n")
    assert mirror.close()
    assert storage.files() == {"checkpoints/step-2.pt": 4, "metrics.jsonl": 4}
    assert told == []


def test_storage_that_goes_away_and_comes_back_loses_nothing(s3, storage, tmp_path, monkeypatch):
    monkeypatch.setattr("ganray.gan.mirror.FIRST_PAUSE_S", 0.1)
    told = []
    (tmp_path / "first").write_text("1")
    mirror = Mirror(tmp_path, storage, told.append)
    s3.stop()
    try:
        mirror.wake()
        until = time.monotonic() + 60
        while not told:
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        s3.start()
    (tmp_path / "second").write_text("2")
    assert mirror.close()
    assert storage.files() == {"first": 1, "second": 1}
    assert len(told) == 2, told
    assert "fails, the run goes on" in told[0]
    assert "works again" in told[1]


def test_a_run_ends_though_storage_is_gone_for_good(s3, tmp_path):
    class Gone(Storage):
        def put(self, path, name):
            raise OSError("no route to host")

    (tmp_path / "file").write_text("1")
    told = []
    mirror = Mirror(tmp_path, Gone(s3.uri), told.append)
    assert not mirror.close(patience_s=0)
    assert len(told) == 1
    assert "no route to host" in told[0]


def test_a_checkpoint_written_again_after_a_rollback_stays(storage, tmp_path):
    mirror = Mirror(tmp_path, storage, print)
    mirror.remove("step-1.pt")
    (tmp_path / "step-1.pt").write_text("again")
    assert mirror.close()
    assert storage.files() == {"step-1.pt": 5}
