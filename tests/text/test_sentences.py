"""Where sentences end."""

import time
import tracemalloc
from itertools import islice

import pytest

from ganray.text import split_sentences
from ganray.text.english import English


@pytest.mark.parametrize(
    "sentences",
    [
        ["Dr. Smith lives on Elm St. in Paris.", "He is 3.5 ft. tall!"],
        ["J. R. R. Tolkien wrote it.", "So did C. S. Lewis."],
        ['"What?" he said.', '"Yes."', "She left."],
        ["She left... and came.", "Then...", "Nothing."],
        ["I live in the U.S.", "The end."],
        ["The U.S. Army came at 5 p.m. on Monday.", "It left at 6 p.m.", "We stayed."],
        ["See No. 5 and p. 3.", "No.", "Not that."],
        ["Is it $3.50?", "No!", "It's 4.00."],
        ["He said (loudly!) that.", "(He did.)", "Yes."],
        ["e.g. this, i.e. that, etc. and so on.", "Done."],
        ["Prof. A. Lee, Ph.D., spoke.", "We listened."],
        ["Visit example.com now.", "Mail a.b@c.org."],
        ["iPhone sales rose.", "iPad sales fell."],
        ["你好。", "再见！"],
        ["Really?!", "Yes."],
        ["He came in Jan. 2020.", "She came in Feb.", "They left."],
        ["Mr. and Mrs. Jones vs. Acme Inc. and Co.", "The case."],
        ["Who am I?", "I am I.", "You are you."],
    ],
)
def test_ends_are_where_a_reader_pauses(sentences):
    assert [span.text for span in split_sentences(" ".join(sentences))] == sentences


def test_headings_lists_and_paragraphs():
    text = "# A Title\nChapter One\nIt was a dark\nand stormy night.\n\n- milk\n- eggs\n1. First\n2. Second. Ok.\n\nEnd"
    spans = list(split_sentences(text))
    assert [span.text for span in spans] == [
        "# A Title", "Chapter One", "It was a dark\nand stormy night.", "- milk", "- eggs", "1. First", "2. Second.",
        "Ok.", "End",
    ]  # fmt: skip
    assert [span.text for span in spans if span.ends_paragraph] == ["It was a dark\nand stormy night.", "Ok."]
    assert all(text[span.start : span.end] == span.text for span in spans)


def test_what_never_ends_is_cut_at_a_clause_or_a_space():
    long = "one two three, " * 100
    spans = list(split_sentences(long))
    assert all(len(span.text) <= 600 for span in spans)
    assert all(span.text.endswith(",") for span in spans)
    assert max(len(span.text) for span in split_sentences("x" * 5000)) <= 600


def test_an_endless_text_is_read_in_constant_memory():
    def forever():
        while True:
            yield "It was the best of times, it was the worst of times. Dr. Who said so"
            yield ", on p. 12! "

    stream = split_sentences(forever())
    next(stream)
    tracemalloc.start()
    for _ in islice(stream, 600):
        pass
    assert tracemalloc.get_traced_memory()[1] < 200_000
    tracemalloc.stop()


def test_a_stream_reads_like_the_whole():
    english, text = (
        English(),
        'Dr. Lee paid $5.50. Who? "Me!" he said.\n\nThe End\nIt was 3:30 p.m. on May 5, 2020. Bye',
    )
    streamed = list(english.stream(text[at : at + 7] for at in range(0, len(text), 7)))
    assert tuple(streamed) == english.phonemize(text).sentences


def test_speed(english, capsys):
    text = "Mr. Smith, who lives in the U.S., paid $5.50 for 3 lbs. of snowboarding wax on March 3rd, 2020. " * 200
    began = time.process_time()
    many = len(english.phonemize(text).sentences)
    with capsys.disabled():
        print(f"\n{many} sentences, {1000 * (time.process_time() - began) / many:.2f} ms of one core each")
    assert many == 200
