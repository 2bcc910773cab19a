import json

import pytest
from click.testing import CliRunner

from ganray.cli.prepare import command
from ganray.config import AudioConfig
from ganray.data import Dataset
from ganray.errors import ConfigError


@pytest.fixture
def corpus(make_corpus):
    clips = {f"c{n}": f"Sentence {n}." for n in range(12)}
    return make_corpus(clips | {"missing": ("Missing.", None), "gone": ("Gone.", None), "empty": ""})


def run(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.mark.ray
def test_json_is_one_document_on_stdout(ray_session, corpus, tmp_path):
    done = run(corpus, "--out", tmp_path / "out", "--set", "validation.share=0.2", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["dataset"] == str(tmp_path / "out")
    assert {name: split["clips"] for name, split in document["splits"].items()} == {
        "train": 8, "validation": 3, "test": 1,
    }  # fmt: skip
    assert sum(split["seconds"] for split in document["splits"].values()) > 5
    assert {clip["id"] for clip in document["dropped"]} == {"missing", "gone", "empty"}
    assert "Reading" in done.stderr


@pytest.mark.ray
def test_the_last_lines_say_what_was_dropped_and_what_came_out(ray_session, corpus, tmp_path):
    (tmp_path / "held_out.txt").write_text("c3\nc4\n")
    out = tmp_path / "out"
    done = run(corpus, "--out", out, "--validation", tmp_path / "held_out.txt", "--set", "test.share=0")
    assert done.exit_code == 0, done.output
    dropped, made, *_ = done.stdout.strip().splitlines()
    assert dropped == f"Dropped 3 clips (2 no audio file, 1 no text); see {out}/audit.html"
    assert made == f"{out}: train 10 clips 0.2 min, validation 2; 24,000 Hz, hop 256"
    assert Dataset.open(out).split("validation").ids == ["c3", "c4"]


def test_a_wrong_key_is_refused_before_anything_starts(corpus, tmp_path):
    done = run(corpus, "--out", tmp_path / "out", "--set", "audio.hop_lenght=300", "--set", "f0.floor_hz=500")
    assert isinstance(done.exception, ConfigError)
    assert "did you mean audio.hop_length" in str(done.exception)
    assert "an octave below" in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_every_key_is_listed_with_what_it_means():
    lines = run("--keys").stdout.splitlines()
    assert len(lines) >= 20
    assert {f"audio.{key}" for key in AudioConfig.model_fields} <= {line.split()[0] for line in lines}
    assert all(len(line[32:].strip()) > 2 for line in lines)
