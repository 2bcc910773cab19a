"""A shelf in a bucket, on a real S3-protocol server."""

from pathlib import Path

import pytest

from ganray.config.serve import ServeConfig
from ganray.data.storage import Storage, place
from ganray.errors import DataError
from ganray.serving import bucket, traffic
from ganray.serving.shelf import Shelf


@pytest.fixture
def uri(s3, tmp_path, monkeypatch):
    """An empty shelf, whose copy is in `tmp_path`, which looks at the bucket when told only."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("ganray.serving.bucket.LOOK_EVERY_S", 3600.0)
    monkeypatch.setattr("ganray.serving.shelf.LOOK_EVERY_S", 0.0)
    bucket.folder_of.cache_clear()
    return s3.at(f"shelves/{tmp_path.name}")


def put(uri: str, name: str, voice: Path, but: str = "") -> None:
    for path in sorted(voice.iterdir()):
        if path.name != but:
            Storage(place(uri)).put(path, f"{name}/{path.name}")


def test_voices_come_change_and_go(uri, mel_voice, noise_voice):
    copy = bucket.Bucket(uri)
    shelf = Shelf(ServeConfig(voices={"english": "english"}, shelf=uri))
    put(uri, "new", mel_voice, but="voice.yaml")
    copy.look()
    assert list(shelf.voices()) == ["english"], "it is not all there"
    put(uri, "new", mel_voice)
    copy.look()
    first = shelf.voices()["new"]
    assert first.kind == "mel"
    put(uri, "new", noise_voice)
    copy.look()
    assert shelf.voices()["new"].digest != first.digest
    for name in Storage(place(uri)).files():
        Storage(place(uri)).remove(name)
    copy.look()
    assert list(shelf.voices()) == ["english"]


def test_routes_and_history_lie_in_the_bucket(uri, mel_voice):
    put(uri, "new", mel_voice)
    copy, front = bucket.Bucket(uri), traffic.Traffic(uri)
    assert front.choose("english") == "english"
    traffic.turn(uri, "english", traffic.Route("new"), "live", before="english")
    traffic.write_down(uri, "english", "looked at")
    copy.look()
    assert front.choose("english") == "new"
    assert [entry["what"] for entry in traffic.history(uri)] == ["live", "looked at"]


def test_voices_stay_while_the_bucket_is_away(uri, s3, mel_voice, monkeypatch):
    put(uri, "new", mel_voice)
    monkeypatch.setattr("ganray.serving.bucket.LOOK_EVERY_S", 0.05)
    shelf = Shelf(ServeConfig(voices={"english": "english"}, shelf=uri))
    s3.stop()
    try:
        assert sorted(shelf.voices()) == ["english", "new"]
        with pytest.raises(DataError, match="cannot read the shelf"):
            bucket.Bucket(uri)
    finally:
        s3.start()
