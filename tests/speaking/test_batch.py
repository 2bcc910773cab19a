"""A file of texts becomes a corpus on a real cluster, goes on where it was stopped, and can be prepared."""

import json

import pytest
import soundfile

from ganray.cli import main
from ganray.data.corpus import read_corpus
from ganray.errors import DataError, UsageError
from ganray.speaking import Text, read_texts, say_all
from ganray.voice import Delivery, Voice

TEXTS = [Text("a", "Two ships."), Text("b", "…"), Text("c", "It was late, and nobody came.")]


@pytest.mark.ray
def test_texts_become_a_corpus_and_only_what_is_missing_is_said_again(ray_session, text_voice, tmp_path):
    out, delivery = tmp_path / "spoken", Delivery(speed=1.5)
    first = say_all(TEXTS, out, text_voice, delivery, quiet=True)
    assert (first["said"], first["kept"]) == (2, 0)
    [failed] = first["failed"]
    assert failed["id"] == "b"
    assert "nothing to say" in failed["reason"]
    assert [(r.id, r.text) for r in read_corpus(out).recordings] == [(t.id, t.text) for t in TEXTS if t.id != "b"]
    waveform, rate = soundfile.read(out / "wavs" / "c.wav")
    alone = Voice.load(text_voice).say(TEXTS[2].text, delivery)
    assert rate == alone.sample_rate
    assert waveform == pytest.approx(alone.waveform, abs=1e-4)
    assert first["seconds"] == pytest.approx(sum(soundfile.info(f).duration for f in (out / "wavs").iterdir()))

    (out / "wavs" / "a.wav").unlink()
    before = (out / "wavs" / "c.wav").stat().st_mtime_ns
    again = say_all(TEXTS, out, text_voice, delivery, quiet=True)
    assert (again["said"], again["kept"]) == (1, 1)
    assert (out / "wavs" / "c.wav").stat().st_mtime_ns == before


@pytest.mark.ray
def test_the_command_says_a_file(ray_session, text_voice, tmp_path, capsys):
    (tmp_path / "texts.txt").write_text("Two ships.\n\nNobody came.\n")
    out = tmp_path / "spoken"
    with pytest.raises(SystemExit) as left:
        main(["say", "--batch", str(tmp_path / "texts.txt"), "-o", str(out), "--voice", str(text_voice), "--json"])
    assert left.value.code == 0
    assert json.loads(capsys.readouterr().out)["said"] == 2
    assert (out / "metadata.csv").read_text() == "000001|Two ships.\n000003|Nobody came.\n"


def test_a_voice_that_reads_no_text_is_told_before_anything_is_made(mel_voice, tmp_path):
    with pytest.raises(UsageError, match="of kind mel"):
        say_all(TEXTS, tmp_path / "spoken", mel_voice)
    assert not (tmp_path / "spoken").exists()


def test_lines_that_can_not_be_used_are_all_told(tmp_path):
    (tmp_path / "texts.csv").write_text("a|One.\n../b|Two.\na|Three.\nd|\n")
    with pytest.raises(DataError, match=r"line 2: '../b' can't be .*line 3: the id 'a' stands twice; line 4: no text"):
        read_texts(tmp_path / "texts.csv")
    (tmp_path / "texts.tsv").write_text("a\tOne | two.\n")
    assert read_texts(tmp_path / "texts.tsv") == [Text("a", "One | two.")]
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(DataError, match="holds no text"):
        read_texts(tmp_path / "empty.txt")


def test_ids_in_a_file_of_texts_are_not_read_aloud(tmp_path):
    (tmp_path / "texts.txt").write_text("clip-1|One.\n\nclip-2|Two.\n")
    with pytest.raises(DataError, match=r"begins with an id.*texts\.csv"):
        read_texts(tmp_path / "texts.txt")
    (tmp_path / "texts.txt").write_text("clip-1|One.\nOne | two.\n")
    assert len(read_texts(tmp_path / "texts.txt")) == 2
