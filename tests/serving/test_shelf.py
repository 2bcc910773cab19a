"""Voices that come and change while a service runs."""

import shutil

import pytest

from ganray.config.serve import ServeConfig
from ganray.errors import DataError
from ganray.serving.shelf import Shelf
from ganray.voice import Voice
from ganray.voice.description import describe


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setattr("ganray.serving.shelf.LOOK_EVERY_S", 0.0)
    (tmp_path / "shelf").mkdir()
    return Shelf(ServeConfig(voices={"english": "english"}, shelf=str(tmp_path / "shelf")))


def test_a_voice_is_described_as_it_is_loaded(mel_voice):
    told, voice = describe(mel_voice), Voice.load(mel_voice)
    assert (told.digest, told.audio, told.kind, told.name) == (voice.digest, voice.audio, voice.kind, voice.name)


def test_voices_come_and_go_without_a_restart(shelf, mel_voice, tmp_path):
    assert list(shelf.voices()) == ["english"]
    shutil.copytree(mel_voice, tmp_path / "shelf" / "tiny")
    assert sorted(shelf.voices()) == ["english", "tiny"]
    shutil.rmtree(tmp_path / "shelf" / "tiny")
    assert list(shelf.voices()) == ["english"]


def test_a_voice_that_is_replaced_has_another_digest(shelf, mel_voice, noise_voice, tmp_path):
    shutil.copytree(mel_voice, tmp_path / "shelf" / "one")
    before = shelf.voices()["one"]
    shutil.copytree(noise_voice, tmp_path / "two")
    (tmp_path / "shelf" / "one").rename(tmp_path / "away")
    (tmp_path / "two").rename(tmp_path / "shelf" / "one")
    assert shelf.voices()["one"].digest != before.digest


def test_a_damaged_voice_on_the_shelf_is_left_out_and_names_are_no_paths(shelf, mel_voice, tmp_path):
    shutil.copytree(mel_voice, tmp_path / "shelf" / "torn")
    (tmp_path / "shelf" / "torn" / "generator.safetensors").write_bytes(b"garbage")
    shutil.copytree(mel_voice, tmp_path / "shelf" / "-odd name")
    assert list(shelf.voices()) == ["english"]


def test_a_missing_voice_of_the_config_is_told_at_once():
    with pytest.raises(DataError, match="no voice at"):
        Shelf(ServeConfig(voices={"nobody": "nowhere"}))
