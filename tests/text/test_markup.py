"""The SSML subset: what it does, and that every wrong use says where and what is allowed."""

import pytest

from ganray.errors import UsageError
from ganray.text.symbols import BREAK


def words(english, text):
    return english.phonemize(text, markup=True).words


def test_plain_text_needs_no_root(english):
    assert english.phonemize("Hello <break/> there", markup=True).spoken == "hello there"


def test_spans_point_into_the_source_with_its_markup(english):
    source = '<speak>Tom &amp; <sub alias="doctor">Dr</sub> <prosody rate="fast">Lee</prosody></speak>'
    found = words(english, source)
    assert [source[word.start : word.end] for word in found] == ["Tom", "&amp;", "Dr", "Lee"]
    assert [word.spoken for word in found] == ["tom", "and", "doctor", "lee"]


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [
        ('<break time="500ms"/>', 0.5),
        ('<break time="1.5s"/>', 1.5),
        ("<break/>", 0.4),
        ('<break strength="strong"/>', 0.7),
        ('<break strength="none"/>', 0.0),
    ],
)
def test_breaks_stand_after_the_word_before_them(english, tag, seconds):
    first, second = words(english, f"one {tag} two")
    assert (first.pause, second.pause) == (seconds, 0.0)
    flat = english.phonemize(f"one {tag} two", markup=True).phonemes[0]
    assert (BREAK in flat) == (seconds > 0)


def test_breaks_at_both_ends_are_kept(english):
    utterance = english.phonemize('<break time="1s"/>One.<break time="2s"/> Two.<break time="3s"/>', markup=True)
    assert [one.pause_before for one in utterance.sentences] == [1.0, 0.0]
    assert [word.pause for word in utterance.words] == [2.0, 3.0]


def test_prosody_nests(english):
    one, two, three = words(
        english, 'a <prosody rate="50%">b <prosody pitch="+2st" volume="-6dB">c</prosody></prosody>'
    )
    assert (one.prosody.rate, two.prosody.rate, three.prosody.rate) == (1.0, 0.5, 0.5)
    assert (two.prosody.pitch, three.prosody.pitch, three.prosody.volume) == (0.0, 2.0, -6.0)


@pytest.mark.parametrize(
    ("rate", "value"), [("slow", 0.75), ("x-fast", 1.6), ("+20%", 1.2), ("-20%", 0.8), ("120%", 1.2), ("1.2", 1.2)]
)
def test_rates(english, rate, value):
    assert words(english, f'<prosody rate="{rate}">a</prosody>')[0].prosody.rate == pytest.approx(value)


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("cardinal", "1999", "one thousand nine hundred ninety nine"),
        ("cardinal", "XIV", "fourteen"),
        ("ordinal", "3", "third"),
        ("digits", "2024", "two zero two four"),
        ("characters", "NASA1", "N A S A one"),
        ("spell-out", "a-b", "A dash B"),
        ("date", "10/12/2019", "october twelfth twenty nineteen"),
        ("year", "1905", "nineteen oh five"),
        ("time", "3:05", "three oh five"),
        ("telephone", "911", "nine one one"),
        ("fraction", "7/2", "seven halves"),
        ("currency", "$5.50", "five dollars and fifty cents"),
        ("unit", "5 km", "five kilometers"),
    ],
)
def test_say_as(english, kind, text, said):
    assert english.phonemize(f'<say-as interpret-as="{kind}">{text}</say-as>', markup=True).spoken == said


def test_a_date_is_read_in_its_format(english):
    source = '<say-as interpret-as="date" format="dmy">1/2/2020</say-as>'
    assert english.phonemize(source, markup=True).spoken == "february first twenty twenty"


def test_phonemes_are_taken_as_they_are(english):
    for source in ("[[h ə l ˈoʊ]]", "[[həˈloʊ]]", '<phoneme alphabet="ipa" ph="həlˈoʊ">hi</phoneme>'):
        assert words(english, f"say {source} now")[1].phonemes == ("h", "ə", "l", "ˈoʊ")


def test_brackets_are_only_phonemes_in_markup(english):
    assert english.phonemize("see [[this page]]").spoken == "see this page"


def test_paragraphs_and_sentences_divide(english):
    utterance = english.phonemize("<speak><p>one two</p><p><s>three</s><s>four</s></p></speak>", markup=True)
    assert [one.text for one in utterance.sentences] == ["one two", "three", "four"]
    assert [one.ends_paragraph for one in utterance.sentences] == [True, False, True]


def test_a_full_stop_in_an_alias_or_in_phonemes_ends_no_sentence(english):
    assert len(english.phonemize('A <sub alias="b">x. Y.</sub> c [[h.ə]] D', markup=True).sentences) == 1


@pytest.mark.parametrize(
    ("source", "told", "mend"),
    [
        ("a & b", "line 1 column 3: a bare &", "&amp;"),
        ("a < b", "line 1 column 3: this is not a tag", "&lt;"),
        ("x\n <voice>y</voice>", "line 2 column 2: <voice> is not known", "<prosody>"),
        ("<emphasis>y</emphasis>", "<emphasis> is not known", "<prosody>"),
        ("<prosody rate='fast'>y", "<prosody> is never closed", "</prosody>"),
        ("<p>y</s>", "</s> closes nothing: </p> must come first", "order"),
        ("y</p>", "</p> closes nothing", "order"),
        ("<break>", "<break> is empty", "<break/>"),
        ('<break time="5"/>', "time '5'", "500ms"),
        ('<break time="1h"/>', "time '1h'", "at most 10s"),
        ('<break time="11s"/>', "time '11s'", "at most 10s"),
        ('<break strength="huge"/>', "strength 'huge'", "x-strong"),
        ('<break length="1s"/>', "<break> has no length", "time, strength"),
        ("<prosody>y</prosody>", "asks for nothing", "rate, pitch or volume"),
        ('<prosody rate="quick">y</prosody>', "rate 'quick'", "x-fast"),
        ('<prosody rate="9">y</prosody>', "rate comes to 9", "from 0.25 to 4"),
        ('<prosody pitch="200Hz">y</prosody>', "pitch '200Hz'", "+2st"),
        ('<prosody volume="11">y</prosody>', "volume '11'", "+6dB"),
        ('<prosody range="high">y</prosody>', "<prosody> has no range", "rate, pitch, volume"),
        ("<say-as>5</say-as>", "<say-as> without interpret-as", "interpret-as"),
        ('<say-as interpret-as="thing">5</say-as>', "interpret-as 'thing'", "cardinal"),
        ('<say-as interpret-as="date" format="xx">5</say-as>', "format 'xx'", "mdy"),
        ('<say-as interpret-as="cardinal">five</say-as>', "'five' can't be read as cardinal", "1,234"),
        ('<say-as interpret-as="time">noon</say-as>', "'noon' can't be read as time", "3:30"),
        ('<say-as interpret-as="ordinal"></say-as>', "holds no text", "</say-as>"),
        ('<say-as interpret-as="date">a <break/></say-as>', "<break> inside <say-as>", "text only"),
        ("<phoneme>y</phoneme>", "<phoneme> without ph", "ph="),
        ('<phoneme ph="h2l">y</phoneme>', "unknown phoneme '2' at character 2", "nearest"),
        ('<phoneme alphabet="x-sampa" ph="h">y</phoneme>', "alphabet 'x-sampa'", "ipa"),
        ("<sub>y</sub>", "<sub> without alias", "alias="),
        ('<sub alias=" ">y</sub>', "alias ''", "what is to be said"),
        ("[[h ə", "[[ is never closed", "[[h ə l ˈoʊ]]"),
        ("[[y]]", "unknown phoneme 'y' at character 1", "the nearest is 'j'"),
        ("[[ ]]", "no phonemes", "h ə l ˈoʊ"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><speak>&b;</speak>", "document types, entities", "leave them out"),
        ("&eacute;", "a bare &", "&amp;"),
        ("&#xD800;", "is no character", "character itself"),
        ("<?php ?>", "instructions", "leave them out"),
        ("<!-- open", "comment is never closed", "-->"),
        ("a <speak>b</speak>", "<speak> stands at the beginning only", "<speak>"),
        ('<p class="x">y</p>', "<p> has no class", "<p>"),
        ('<break time="1s" time="2s"/>', "has time twice", "keep one"),
        ("<p/>text<sub alias='b'/>", "<sub/> holds nothing", "</sub>"),
    ],
)
def test_wrong_markup_says_where_and_what_is_allowed(english, source, told, mend):
    with pytest.raises(UsageError) as error:
        english.phonemize(source, markup=True)
    assert error.value.message.startswith("markup line")
    assert told in error.value.message
    assert mend in error.value.mend
