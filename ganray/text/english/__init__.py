"""The default front-end: US English from a dictionary and rules, offline."""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping

from ganray.errors import UsageError
from ganray.text.contract import named
from ganray.text.english.dictionary import version as dictionary_version
from ganray.text.english.reading import Reader
from ganray.text.markup import Marked, parse_markup, plain
from ganray.text.sentences import Span, split_sentences
from ganray.text.symbols import SYMBOLS
from ganray.text.utterance import Sentence, Utterance

VERSION = "1"
"""Raised with every change that may change any text's phonemes."""


class English:
    """Text → US English phonemes. Loads its dictionary with the first word: 0.1 s.

    Raises:
        ConfigError: The dictionary's package isn't installed.
    """

    name = "english"
    symbols = SYMBOLS

    def __init__(self) -> None:
        self.version = f"{VERSION}+misaki.{dictionary_version()}"

    def phonemize(
        self,
        text: str,
        *,
        lexicon: Mapping[str, tuple[str, ...]] | None = None,
        markup: bool = False,
        language: str | None = None,
    ) -> Utterance:
        """See `FrontEnd.phonemize`."""
        _must_be_english(language)
        marked = parse_markup(text) if markup else plain(text)
        reader = Reader(marked, lexicon)
        sentences = (reader.sentence(span) for span in _spans(marked))
        return Utterance(tuple(sentence for sentence in sentences if sentence.words))

    def stream(
        self,
        pieces: Iterable[str],
        *,
        lexicon: Mapping[str, tuple[str, ...]] | None = None,
        language: str | None = None,
    ) -> Iterator[Sentence]:
        """See `FrontEnd.stream`; in constant memory."""
        _must_be_english(language)
        for span in split_sentences(pieces):
            sentence = Reader(plain(span.text), lexicon, span.start).sentence(
                span._replace(start=0, end=len(span.text))
            )
            if sentence.words:
                yield sentence


def _must_be_english(language: str | None) -> None:
    if (named(language) or "en").lower().split("-")[0] != "en":
        mend = "the espeak front-end reads other languages: --set front_end=espeak when preparing"
        raise UsageError(f"the english front-end does not read {language!r}", mend=mend)


def _spans(marked: Marked) -> Iterator[Span]:
    """The sentences: `<p>` and `<s>` divide, and nothing inside `[[…]]`, `<sub>` and their like does."""
    masked = marked.text
    for one in marked.overrides:
        masked = masked[: one.start] + re.sub(r"[^\w\s]|\n", "x", masked[one.start : one.end]) + masked[one.end :]
    cuts = dict(sorted({(at, False) for at, _ in marked.bounds} | {bound for bound in marked.bounds if bound[1]}))
    edges = [0, *cuts, len(marked.text)]
    for start, end in itertools.pairwise(edges):
        spans = list(split_sentences(masked[start:end]))
        for index, span in enumerate(spans):
            ends = span.ends_paragraph or (index + 1 == len(spans) and cuts.get(end, False))
            at = (span.start + start, span.end + start)
            yield Span(marked.text[at[0] : at[1]], *at, ends)
