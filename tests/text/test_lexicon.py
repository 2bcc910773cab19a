"""The user's own pronunciations."""

import json

import pytest

from ganray.errors import ConfigError, UsageError
from ganray.text import front_end, names, read_lexicon

GANRAY = ("ɡ", "ˈæ", "n", "ɹ", "eɪ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "ganray: ɡ ˈæ n ɹ eɪ\n"),
        ("a.yaml", "Ganray: [ɡ, ˈæ, n, ɹ, eɪ]\n"),
        ("a.json", json.dumps({"ganray": "ɡˈænɹeɪ"})),
        ("a.tsv", "# words\n\nganray\tgˈænreɪ\n"),
    ],
)
def test_a_lexicon_is_a_yaml_json_or_tsv_file(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert read_lexicon(path) == {"ganray": GANRAY}


def test_own_words_go_before_everything(english):
    lexicon = read_lexicon({"read": "ɹ ˈɛ d", "C++": "s ˈi", "US": "ˈʌ s", "the": "d ə", "ganray": list(GANRAY)})
    said = english.phonemize("I will Read the C++ of GANRAY's US for us.", lexicon=lexicon).words
    by_text = {word.text: word.phonemes for word in said}
    assert by_text["Read"] == ("ɹ", "ˈɛ", "d")
    assert by_text["the"] == ("d", "ə")
    assert by_text["C++"] == ("s", "ˈi")
    assert by_text["GANRAY's"] == (*GANRAY, "z")
    assert by_text["US"] == ("ˈʌ", "s")
    assert by_text["us"] != ("ˈʌ", "s")
    assert english.phonemize("the").words[0].phonemes == ("ð", "ə")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.tsv", "fine\tf aɪ n\nbad\th y l", "a.tsv line 2 (bad): unknown phoneme 'y' at character 3"),
        ("a.tsv", "no tab here", "a.tsv line 1: no tab"),
        ("a.tsv", "a\tə\na\tə", "a.tsv line 2: 'a' has a pronunciation already"),
        ("a.tsv", "two words\tə", "'two words' is not one word"),
        ("a.yaml", "- a\n- b", "not a mapping"),
        ("a.yaml", "a: [", "not yaml"),
        ("a.yaml", "a: 5", "5 is not phonemes"),
        ("a.yaml", "yes: ə", "True is not one word"),
        ("a.json", "{", "not json"),
        ("a.json", '{"a": ""}', "no phonemes"),
        ("a.csv", "a,b", "a .yaml, .json or .tsv file"),
    ],
)
def test_a_wrong_lexicon_names_the_place(tmp_path, name, text, told):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as error:
        read_lexicon(path)
    assert told in error.value.message
    assert error.value.mend or error.value.facts


def test_an_unknown_phoneme_names_the_nearest():
    with pytest.raises(UsageError) as error:
        read_lexicon({"yes": "y ɛ s"})
    assert "the nearest is 'j'" in error.value.mend


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"can.t be read"):
        read_lexicon(tmp_path / "none.yaml")


def test_front_ends_are_found_by_name(english):
    assert set(names()) == {"english", "espeak"}
    assert english.name == "english"
    assert english.version.startswith("1+misaki.")
    assert english.symbols[0] == "_"
    assert len(set(english.symbols)) == len(english.symbols)
    with pytest.raises(ConfigError) as error:
        front_end("englisch")
    assert "did you mean english" in error.value.mend


def test_a_language_that_nobody_named_is_the_front_ends_own():
    english = front_end("english")
    plain = english.phonemize("Who is there?")
    assert english.phonemize("Who is there?", language="und") == plain
    assert english.phonemize("Who is there?", language="en-GB") == plain
    with pytest.raises(UsageError, match="does not read 'it'"):
        list(english.stream(["Chi è?"], language="it"))


def test_espeak_without_its_extra_says_what_to_install():
    try:
        import espeakng_loader  # noqa: F401
    except ImportError:
        with pytest.raises(ConfigError) as error:
            front_end("espeak:de")
        assert "pip install espeakng-loader" in error.value.mend
    else:
        utterance = front_end("espeak:de").phonemize("Guten Tag. Das kostet 5 Euro.")
        assert len(utterance.sentences) == 2
        assert set(utterance.phonemes[0]) <= set(front_end("espeak:de").symbols)
