"""What holds for any Unicode at all."""

import json
import pickle

from hypothesis import given, settings
from hypothesis import strategies as st

from ganray.text import Utterance, front_end, split_sentences
from ganray.text.english.characters import is_speakable
from ganray.text.symbols import BOUNDARY, MARKS, PAD, SPOKEN

ENGLISH = front_end("english")
TRICKY = st.sampled_from(
    [
        *"aAiIzZ09.,;:!?'\"’()[]{}<>&#@$€£%°+-–—…/\\*_^~=|\n\t ²½Ⅷ😀👍🏽🇺🇸é你кα\u0301\u200d\ufe0f",
        "Dr. ",
        "1/2",
        "3:30",
        "U.S.",
        "e.g. ",
    ]
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(TRICKY, max_size=40).map("".join))
FEW = settings(max_examples=250, deadline=None)


@FEW
@given(TEXTS)
def test_any_text_becomes_known_symbols_with_spans_in_order(text):
    utterance = ENGLISH.phonemize(text)
    at = 0
    for sentence in utterance.sentences:
        assert sentence.words
        assert text[sentence.start : sentence.end] == sentence.text
        assert set(sentence.phonemes) <= set(ENGLISH.symbols) - {PAD}
        assert len(sentence.phonemes) == len(sentence.word_of)
        assert sentence.phonemes[-1] in MARKS
        for word in sentence.words:
            assert at <= word.start < word.end <= sentence.end
            assert text[word.start : word.end] == word.text
            assert word.phonemes
            assert set(word.phonemes) <= SPOKEN | {BOUNDARY}
            assert word.phonemes[0] != BOUNDARY != word.phonemes[-1]
            at = word.end


@FEW
@given(TEXTS)
def test_what_can_be_said_is_never_silent(text):
    if any(character.isalnum() for character in text) or any(
        is_speakable(one) and one not in "<>^~`´+=|" for one in text
    ):
        assert any(symbol in SPOKEN for phonemes in ENGLISH.phonemize(text).phonemes for symbol in phonemes)


@given(st.characters(categories=["Lu", "Ll", "Lt", "Lo", "Nd", "Nl", "No", "So"]))
@settings(max_examples=500, deadline=None)
def test_every_letter_number_and_symbol_alone_is_said(character):
    if is_speakable(character):
        assert ENGLISH.phonemize(character).words


@FEW
@given(TEXTS)
def test_an_utterance_survives_pickle_and_json(text):
    utterance = ENGLISH.phonemize(text)
    assert ENGLISH.phonemize(text) == utterance
    assert pickle.loads(pickle.dumps(utterance)) == utterance
    assert Utterance.from_json(json.loads(json.dumps(utterance.as_json()))) == utterance


@FEW
@given(st.one_of(TEXTS, st.text(' ab.A!?\n"', max_size=200)), st.integers(1, 9))
def test_pieces_of_any_size_give_the_same_sentences(text, size):
    whole = list(split_sentences(text))
    assert list(split_sentences(text[at : at + size] for at in range(0, len(text), size))) == whole
    kept = "".join(span.text for span in whole)
    assert "".join(kept.split()) == "".join(text.split())


def test_lone_surrogates_do_no_harm():
    assert ENGLISH.phonemize("a \ud800 b").words
