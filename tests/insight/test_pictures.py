"""What stands on the pictures' axes can be read."""

from ganray.insight.pictures import _named


def test_few_phonemes_are_named_one_by_one_and_many_by_their_words():
    word = ["·", *"ənd", " "]
    assert _named(word) == ([0, 1, 2, 3, 4], word)
    places, names = _named(["·", *(["ˈa", "b", "n̩", " "] * 11), "·"])
    assert names == ["ˈabn̩"] * 11
    assert places[:2] == [2, 6]
