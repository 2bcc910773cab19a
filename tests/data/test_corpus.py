import pytest

from ganray.data import fold, read_corpus, read_ids
from ganray.data.corpus import read_corpora
from ganray.errors import DataError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "wavs").mkdir()
    for name in ("a.wav", "b.flac", "b.wav", "c.mp3", "d.opus", "take.1.wav"):
        (tmp_path / "wavs" / name).touch()
    return tmp_path


def write(folder, text, **encoding):
    (folder / "metadata.csv").write_text(text, **(encoding or {"encoding": "utf-8"}))
    return read_corpus(folder)


def test_normalised_text_is_taken_where_there_is_one(folder):
    corpus = write(folder, "a|Dr. No|Doctor No\nb|Two\nc|Three|\n")
    assert [r.text for r in corpus.recordings] == ["Doctor No", "Two", "Three"]
    assert corpus.layout == "LJSpeech"


def test_every_known_suffix_is_found_and_wav_comes_first(folder):
    corpus = write(folder, "a|1\nb|2\nc|3\nd|4\ntake.1|5\nb2.wav|6\n")
    assert [r.path and r.path.name for r in corpus.recordings] == [
        "a.wav", "b.wav", "c.mp3", "d.opus", "take.1.wav", None,
    ]  # fmt: skip


def test_an_id_may_carry_the_suffix(folder):
    assert write(folder, "a.wav|1\n").recordings[0].id == "a"


def test_an_id_never_leads_out_of_wavs(folder):
    (folder / "secret.wav").touch()
    assert write(folder, "../secret|1\n").recordings[0].path is None


def test_malformed_lines_are_listed_with_their_number_and_the_rest_is_read(folder):
    corpus = write(folder, "a|1\n\njust words\nb|x|y|z\n|no id\nc|3\n")
    assert [r.id for r in corpus.recordings] == ["a", "c"]
    assert [r.line for r in corpus.recordings] == [1, 6]
    assert [key for key, _ in corpus.dropped] == ["just words", "b", "line 5"]
    assert all(
        "malformed line" in reason and f"line {n}" in reason
        for n, (_, reason) in zip((3, 4, 5), corpus.dropped, strict=True)
    )


def test_an_id_given_twice_is_listed_and_its_first_line_kept(folder):
    corpus = write(folder, "a|first\na|second\n")
    assert [r.text for r in corpus.recordings] == ["first"]
    assert corpus.dropped == (("a", "id given twice (line 2, first on line 1)"),)


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(folder):
    corpus = write(folder, "a|é\r\nb|ü\r\n", encoding="utf-8-sig", newline="")
    assert [(r.id, r.text) for r in corpus.recordings] == [("a", "é"), ("b", "ü")]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda f: (f / "metadata.csv").unlink(), "has no metadata.csv"),
        (lambda f: (f / "wavs").rename(f / "audio"), "has no folder wavs"),
        (lambda f: (f / "metadata.csv").write_bytes("a|é".encode("latin-1")), "UTF-8"),
        (lambda f: (f / "metadata.csv").write_text("nothing\n"), "no line of the form"),
    ],
)
def test_what_is_no_corpus_is_refused_with_what_was_looked_for(folder, damage, told):
    write(folder, "a|1\n")
    damage(folder)
    with pytest.raises(DataError, match=told):
        read_corpus(folder, "ljspeech")


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="no corpus folder"):
        read_corpus(tmp_path / "nowhere")


def test_ids_are_read_one_a_line(tmp_path):
    (tmp_path / "ids.txt").write_text("# held out\na\n\n b \n")
    assert read_ids(tmp_path / "ids.txt") == ["a", "b"]


@pytest.mark.parametrize(("text", "told"), [("a\na\n", "lists a twice"), ("#\n", "lists no id")])
def test_a_list_of_ids_that_makes_no_sense_is_refused(tmp_path, text, told):
    (tmp_path / "ids.txt").write_text(text)
    with pytest.raises(DataError, match=told):
        read_ids(tmp_path / "ids.txt")


def test_takes_of_one_sentence_fold_to_the_same():
    assert fold("Don't  stop — now!") == fold("DON’T STOP, NOW") == "dont stop now"
    assert fold("Straße") == fold("STRASSE")
    assert fold(" … ?! ") == ""
    assert fold("one two") != fold("onetwo")


def test_labels_say_who_speaks_and_how(folder):
    (folder / "labels.csv").write_text("id,speaker,style\na,anna,calm\nb,bruno,\n")
    corpus = write(folder, "a|1\nb|2\nc|3\n")
    assert [(r.speaker, r.language, r.style) for r in corpus.recordings] == [
        ("anna", "", "calm"), ("bruno", "", ""), ("", "", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"), [("id,mood\na,calm\n", "mood"), ("speaker\nanna\n", "columns"), ("id,style\nz,calm\n", "z")]
)
def test_labels_that_make_no_sense_are_refused(folder, text, told):
    (folder / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=told):
        write(folder, "a|1\n")


def test_several_corpora_are_one_with_their_names_before_the_ids(folder, tmp_path):
    for name in ("anna", "bruno"):
        (tmp_path / name / "wavs").mkdir(parents=True)
        (tmp_path / name / "metadata.csv").write_text("1|One.\n2|Two.\nmalformed\n")
    (tmp_path / "anna" / "validation.txt").write_text("2\n")
    both = read_corpora([tmp_path / "anna", tmp_path / "bruno"])
    assert [r.id for r in both.recordings] == ["anna/1", "anna/2", "bruno/1", "bruno/2"]
    assert [r.corpus for r in both.recordings] == ["anna", "anna", "bruno", "bruno"]
    assert [key for key, _ in both.dropped] == ["anna/malformed", "bruno/malformed"]
    assert both.lists == {"validation": ["anna/2"]}
    with pytest.raises(DataError, match="called anna"):
        read_corpora([tmp_path / "anna", tmp_path / "anna"])
