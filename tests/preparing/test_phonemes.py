"""What is said goes into the dataset, in symbols that a text voice knows; what can't have been said is dropped."""

import pytest

from ganray.config.prepare import PrepareConfig
from ganray.data import Dataset
from ganray.errors import ConfigError
from ganray.preparing.clip import Unusable
from ganray.preparing.phonemes import spoken
from ganray.text import front_end

ENGLISH = PrepareConfig(front_end="english")


def test_sentences_of_a_clip_are_one_row_of_symbols():
    symbols = spoken("Stop! Who goes there", 200, ENGLISH)
    assert symbols[:6] == ["s", "t", "ˈɑ", "p", "!", "h"]
    assert set(symbols) <= set(front_end("english").symbols)


def test_sentences_without_a_mark_between_them_are_parted():
    symbols = spoken("Chapter One\n\nIt was late.", 200, ENGLISH)
    assert symbols[-1] == "."
    assert all(len(symbol) for symbol in symbols)
    assert symbols.count(" ") + sum(symbol in (",", ".") for symbol in symbols) >= 4


def test_nothing_is_phonemized_unasked():
    assert spoken("Stop!", 200, PrepareConfig(front_end="none")) == []


def test_what_can_not_have_been_said_is_a_reason():
    with pytest.raises(Unusable, match="text does not fit"):
        spoken("This is far too much for a tenth of a second.", 10, ENGLISH)
    with pytest.raises(Unusable, match=r"text does not fit \(5 phonemes of 0\.\d+ s; limits\.phoneme_s"):
        spoken("Stop", 400, ENGLISH)
    with pytest.raises(Unusable, match="no phonemes"):
        spoken("…", 200, ENGLISH)
    with pytest.raises(ConfigError, match="did you mean english"):
        spoken("Stop!", 200, PrepareConfig(front_end="englsh"))


@pytest.mark.ray
def test_a_dataset_tells_its_front_end_and_holds_its_symbols(dataset):
    opened = Dataset.open(dataset)
    english = front_end("english")
    assert opened.card["front_end"] == {"name": "english", "version": english.version}
    for clip in opened.split("train").clips():
        assert clip.phonemes == tuple(english.phonemize(clip.text).flat)
