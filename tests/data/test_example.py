from itertools import islice

import pytest
import soundfile

from ganray.data import read_corpus
from ganray.data.example import make_corpus, sentences
from ganray.errors import UsageError


def test_sentences_are_plain_different_and_the_same_every_time():
    some = list(islice(sentences(), 2_000))
    assert len(set(some)) == 2_000
    assert some == list(islice(sentences(), 2_000))
    assert all(text[0].isupper() and text[-1] in ".?" for text in some)


def test_made_speech_is_a_corpus(tmp_path):
    told = []
    folder = make_corpus(tmp_path / "made", minutes=0.2, tell=told.append)
    corpus = read_corpus(folder)
    assert not corpus.dropped
    seconds = sum(soundfile.info(str(recording.path)).duration for recording in corpus.recordings)
    assert 12 <= seconds < 20
    assert told[-1] == pytest.approx(seconds, abs=0.1)
    with pytest.raises(UsageError, match="there already"):
        make_corpus(folder, minutes=0.1)
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
