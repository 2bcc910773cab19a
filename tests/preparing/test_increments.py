"""What is prepared again redoes only what has changed, and gives the bytes that preparing anew gives."""

import os
import signal
import subprocess
import sys
import time
from importlib import import_module

import pyarrow.parquet as pq
import pytest

from ganray.config.prepare import DenoiseConfig, F0Config, PrepareConfig
from ganray.data import Dataset
from ganray.data.recording import Recording
from ganray.data.source import Source
from ganray.preparing import prepare
from ganray.preparing.pipeline import _chunks

preparing = import_module("ganray.preparing.prepare")
PLAIN = PrepareConfig(audit=False)


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def corpus(make_corpus):
    return make_corpus({f"c{n}": f"Sentence {n}." for n in range(12)})


def run(corpus, out, config=PLAIN, **options):
    return prepare(corpus, out, config, here=True, quiet=True, overwrite=True, **options)


@pytest.mark.parametrize(
    ("clips", "cores", "judge", "sizes"),
    [
        (1519, 2, False, {63}),
        (1519, 64, False, {5}),
        (20_000, 64, False, {64}),
        (1519, 2, True, {16}),
        (12, 2, False, {4}),
    ],
)
def test_every_core_has_several_chunks_and_slow_stages_small_ones(clips, cores, judge, sizes):
    recording = Recording("one", "Sentence one.", Source("one.wav"))
    chunks = _chunks([recording] * clips, {}, PrepareConfig(judge=judge), cores)
    assert sum(chunk.num_rows for chunk in chunks) == clips
    assert {chunk.num_rows for chunk in chunks[:-1]} == sizes


def test_nothing_is_redone_where_nothing_changed(corpus, tmp_path):
    first = run(corpus, tmp_path / "out", PrepareConfig())
    before = contents(tmp_path / "out")
    assert first["computed"] == {"measure": 12, "pitch": 12, "sound": 12}
    again = run(corpus, tmp_path / "out", PrepareConfig())
    assert again["computed"] == {}
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        ({"f0": F0Config(floor_hz=80)}, {"pitch"}),
        ({"loudness_lufs": -20.0}, {"sound", "pitch"}),
        ({"denoise": DenoiseConfig(by="gate")}, {"sound", "pitch"}),
        ({"seed": 2}, set()),
        ({"language": "en"}, set()),
    ],
)
def test_a_changed_recipe_redoes_what_it_changes_and_no_more(corpus, tmp_path, change, redone):
    run(corpus, tmp_path / "out")
    changed = PLAIN.model_copy(update=change)
    assert run(corpus, tmp_path / "out", changed)["computed"] == dict.fromkeys(sorted(redone), 12)
    run(corpus, tmp_path / "new" / "out", changed)
    assert contents(tmp_path / "out") == contents(tmp_path / "new" / "out")


def test_new_and_changed_files_alone_are_read_anew(corpus, make_corpus, speech, tmp_path):
    run(corpus, tmp_path / "out")
    with open(corpus / "metadata.csv", "a") as file:
        file.write("new|One more.\n")
    (corpus / "wavs" / "new.wav").write_bytes((corpus / "wavs" / "c3.wav").read_bytes())
    (corpus / "wavs" / "c5.wav").write_bytes((corpus / "wavs" / "c8.wav").read_bytes())
    (corpus / "wavs" / "c1.wav").unlink()
    result = run(corpus, tmp_path / "out")
    assert result["computed"] == {"pitch": 2, "sound": 2}
    assert [clip["reason"].split(" (")[0] for clip in result["dropped"]] == ["no audio file"]
    run(corpus, tmp_path / "new" / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "new" / "out")


@pytest.mark.parametrize("at", ["chunk", "shards"])
def test_killed_anywhere_it_goes_on(corpus, tmp_path, monkeypatch, at):
    class Killed(BaseException):
        pass

    count = {"left": 2}

    def dies(*arguments, **options):
        count["left"] -= 1
        if at == "shards" or not count["left"]:
            raise Killed
        return original(*arguments, **options)

    where, name = (preparing.Journal, "add") if at == "chunk" else (preparing, "_write")
    original = getattr(where, name)
    with monkeypatch.context() as patch:
        patch.setattr(where, name, dies)
        with pytest.raises(Killed):
            run(corpus, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    done = 4 if at == "chunk" else 12
    result = run(corpus, tmp_path / "out")
    assert result["computed"] == ({"pitch": 12 - done, "sound": 12 - done} if done < 12 else {})
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == ["out"]
    run(corpus, tmp_path / "new" / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "new" / "out")


def test_a_process_that_is_killed_in_the_middle_is_gone_on_with(make_corpus, speech, tmp_path):
    corpus = make_corpus({f"c{n}": (f"Sentence {n}.", speech(2, n)) for n in range(60)})
    command = [
        sys.executable,
        "-m",
        "ganray",
        "prepare",
        str(corpus),
        "--out",
        str(tmp_path / "data" / "out"),
        "--here",
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 200
            while len(list((tmp_path / "data").glob(".out.journal/*.parquet"))) < 3:
                assert process.poll() is None, "it ended before it could be killed"
                assert time.monotonic() < deadline, "it wrote nothing"
                time.sleep(0.01)
        finally:
            process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "data" / "out").exists()
    result = run(corpus, tmp_path / "data" / "out", PrepareConfig())
    assert 0 < result["computed"]["sound"] <= 60 - 3 * 4
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["out"]
    run(corpus, tmp_path / "new" / "out", PrepareConfig())
    assert contents(tmp_path / "data" / "out") == contents(tmp_path / "new" / "out")


def test_fresh_takes_nothing_over(corpus, tmp_path):
    run(corpus, tmp_path / "out")
    assert run(corpus, tmp_path / "out", fresh=True)["computed"] == {"pitch": 12, "sound": 12}


def test_the_same_recording_twice_is_in_one_split_or_dropped(corpus, tmp_path):
    for number in (4, 7):
        (corpus / "wavs" / f"c{number}.wav").write_bytes((corpus / "wavs" / "c9.wav").read_bytes())
    halves = {"validation": {"share": 0.4}, "test": {"share": 0}}
    for seed in range(4):
        config = PrepareConfig.model_validate({**halves, "seed": seed})
        run(corpus, tmp_path / "out", config)
        data = Dataset.open(tmp_path / "out")
        where = {key: split for split in data.splits for key in data.split(split).ids}
        assert len({where[key] for key in ("c4", "c7", "c9")}) == 1
    config = PrepareConfig.model_validate({"duplicates": {"drop": True}})
    dropped = run(corpus, tmp_path / "out", config)["dropped"]
    assert {clip["id"]: clip["reason"] for clip in dropped} == dict.fromkeys(
        ("c7", "c9"), "duplicate (the same sound as c4)"
    )


def test_recordings_without_texts_become_a_dataset_for_vocoders(tmp_path, corpus):
    (corpus / "metadata.csv").unlink()
    result = run(corpus, tmp_path / "out")
    assert sum(split["clips"] for split in result["splits"].values()) == 12
    assert any("vocoders" in note for note in result["notes"])


def test_every_recording_has_a_row_that_tells_what_was_measured(corpus, tmp_path):
    (corpus / "wavs" / "c2.wav").write_bytes(b"no sound")
    run(corpus, tmp_path / "out", PrepareConfig())
    rows = {row["id"]: row for row in pq.read_table(tmp_path / "out" / "recordings.parquet").to_pylist()}
    assert len(rows) == 12
    assert rows["c2"]["reason"].startswith("unreadable")
    assert 1 <= rows["c3"]["seconds"] <= 1.5
    assert rows["c3"]["split"] in ("train", "validation", "test")
    page = (tmp_path / "out" / "audit.html").read_text()
    assert "What to mend first" in page
    assert "unreadable" in page
