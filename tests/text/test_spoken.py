"""What is written and what is said: a table of hard cases, and what holds for every one of them."""

from pathlib import Path

import pytest

from ganray.text.symbols import BOUNDARY, SYMBOLS


def cases(name: str) -> list[tuple[str, str]]:
    lines = (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
    found = [line.rsplit(" => ", 1) for line in lines if " => " in line and not line.startswith("# One")]
    return [(written, said) for written, said in found]


SPOKEN, PHONEMES = cases("spoken.txt"), cases("phonemes.txt")


@pytest.mark.parametrize(("written", "said"), SPOKEN)
def test_is_read_as_a_person_reads_it(english, written, said):
    assert english.phonemize(written).spoken == said


@pytest.mark.parametrize(("written", "said"), PHONEMES)
def test_sounds_as_it_should(english, written, said):
    shown = " / ".join(
        " ".join("|" if s == BOUNDARY else s for s in one) for one in english.phonemize(written).phonemes
    )
    assert shown == said


def test_the_tables_are_large_enough():
    assert len(SPOKEN) >= 300
    assert len(PHONEMES) >= 60


def test_every_spoken_word_has_phonemes_and_a_place(english):
    for written, _ in SPOKEN:
        for word in english.phonemize(written).words:
            assert written[word.start : word.end] == word.text
            said = " ".join("".join(word.phonemes).split(BOUNDARY))
            assert len(said.split()) >= len(word.spoken.split()), written
            assert set(word.phonemes) <= set(SYMBOLS)
