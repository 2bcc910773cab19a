"""A sentence's span → its words with phonemes, marks, pauses and prosody."""

import bisect
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ganray.text.english.dictionary import dictionary
from ganray.text.english.pronounce import Pronouncer
from ganray.text.english.say_as import say_as
from ganray.text.english.scan import Token, scan
from ganray.text.english.wording import Context
from ganray.text.markup import Marked, Override
from ganray.text.sentences import Span
from ganray.text.symbols import BOUNDARY
from ganray.text.utterance import Prosody, Sentence, Word

_STRENGTH = {mark: index for index, mark in enumerate(("", ",", "—", ":", ";", "…", ".", "!", "?"))}
_FINAL = frozenset(".?!…")


@dataclass
class _Piece:
    """A word on its way."""

    start: int
    end: int
    spoken: str
    given: tuple[str, ...] = ()
    mark: str = ""
    pause: float = 0.0


class Reader:
    """Reads the sentences of one text.

    Args:
        marked: The text and what its markup says.
        lexicon: The user's own pronunciations.
        offset: Where the text begins in its source.
    """

    def __init__(self, marked: Marked, lexicon: Mapping[str, tuple[str, ...]] | None, offset: int = 0) -> None:
        self._marked, self._offset = marked, offset
        self._pronouncer = Pronouncer(lexicon)
        self._starts = [start for start, _, _ in marked.prosody]
        self._overrides = sorted(marked.overrides, key=lambda one: one.start)

    def sentence(self, span: Span) -> Sentence:
        """The sentence of that span; without words where nothing in it can be said."""
        pieces = self._pieces(span)
        pause_before = self._pauses(span, pieces)
        if pieces and pieces[-1].mark not in _FINAL:
            pieces[-1].mark = "."
        start, end = self._place(span.start, span.end)
        words = tuple(self._words(pieces))
        return Sentence(span.text, start, end, words, pause_before, span.ends_paragraph)

    def _context(self, text: str) -> Context:
        letters = [character for character in text if character.isalpha()]
        shouted = len(letters) > 12 and sum(character.isupper() for character in letters) > 0.8 * len(letters)
        return Context(self._pronouncer.knows, _is_acronym, shouted and " " in text.strip())

    def _pieces(self, span: Span) -> list[_Piece]:
        pieces: list[_Piece] = []
        context, at = self._context(span.text), span.start
        inside = [one for one in self._overrides if one.start >= span.start and one.end <= span.end]
        for override in inside:
            self._scan(at, override.start, context, pieces)
            pieces += self._override(override, context)
            at = override.end
        self._scan(at, span.end, context, pieces)
        return [piece for piece in pieces if piece.spoken or piece.given]

    def _scan(self, start: int, end: int, context: Context, pieces: list[_Piece]) -> None:
        text = self._marked.text[start:end]
        for token in scan(text, context) if not self._pronouncer.has_own(text) else self._own_first(text, context):
            if token.mark:
                if pieces and _STRENGTH[token.mark] > _STRENGTH[pieces[-1].mark]:
                    pieces[-1].mark = token.mark
            else:
                pieces.append(_Piece(start + token.start, start + token.end, token.spoken))

    def _own_first(self, text: str, context: Context) -> list[Token]:
        """The tokens, where a word of the user's lexicon is read whole however it is written."""
        tokens: list[Token] = []
        at = 0
        for found in self._pronouncer.own_words(text):
            before = scan(text[at : found.start()], context)
            tokens += [Token(token.start + at, token.end + at, token.spoken, token.mark) for token in before]
            tokens.append(Token(found.start(), found.end(), found.group().replace("’", "'")))
            at = found.end()
        rest = scan(text[at:], context)
        return tokens + [Token(token.start + at, token.end + at, token.spoken, token.mark) for token in rest]

    def _override(self, one: Override, context: Context) -> list[_Piece]:
        text = self._marked.text[one.start : one.end]
        start, end = one.start + len(text) - len(text.lstrip()), one.end - (len(text) - len(text.rstrip()))
        if one.kind == "phonemes":
            return [_Piece(start, end, text.strip("[] \n\t"), one.phonemes)]
        if one.kind == "alias":
            tokens = [token for token in scan(one.value, context) if token.spoken]
            spoken = " ".join(token.spoken for token in tokens)
            mark = next((token.mark for token in scan(one.value, context)[::-1][:1] if token.mark), "")
            return [_Piece(start, end, spoken, mark=mark)]
        return [_Piece(start, end, say_as(one, text.strip(), context))]

    def _pauses(self, span: Span, pieces: list[_Piece]) -> float:
        """Gives the pauses asked for to the words before them; returns what comes before the first."""
        first = 0.0
        final = span.end >= len(self._marked.text.rstrip())
        for at, seconds in self._marked.breaks:
            if not (span.start <= at <= span.end or (final and at > span.end) or self._between(at, span)):
                continue
            index = bisect.bisect_right([piece.start for piece in pieces], max(0, at - 1)) - 1
            if at == 0 or index < 0 or pieces[index].start >= at:
                first += seconds
            else:
                pieces[index].pause += seconds
        return first

    def _between(self, at: int, span: Span) -> bool:
        """Whether only space stands between the sentence's end and `at`."""
        return at > span.end and not self._marked.text[span.end : at].strip()

    def _words(self, pieces: list[_Piece]) -> list[Word]:
        said = [(index, word) for index, piece in enumerate(pieces) for word in _finish(piece.spoken).split()]
        texts = [word.lower() for _, word in said]
        phonemes: list[tuple[str, ...]] = []
        for position, (index, word) in enumerate(said):
            piece = pieces[index]
            if piece.given:
                phonemes.append(piece.given if position == 0 or said[position - 1][0] != index else ())
                continue
            alone = " " not in piece.spoken
            written = self._marked.text[piece.start : piece.end].replace("’", "'") if alone else word
            last = position + 1 == len(said) or said[position + 1][0] != index
            final = last and (piece.mark != "" or index + 1 == len(pieces))
            before, after = texts[max(0, position - 6) : position][::-1], texts[position + 1 : position + 6]
            phonemes.append(self._pronouncer.say(word, written, before, after, final))
        for position in range(len(said)):
            index, word = said[position]
            if not pieces[index].given and phonemes[position]:
                ends = pieces[index].mark != "" and (position + 1 == len(said) or said[position + 1][0] != index)
                following = () if ends else next((one for one in phonemes[position + 1 :] if one), ())
                phonemes[position] = self._pronouncer.linked(word, phonemes[position], following)
        grouped: list[list[str]] = [[] for _ in pieces]
        for (index, _), symbols in zip(said, phonemes, strict=True):
            if symbols:
                grouped[index] += [BOUNDARY, *symbols] if grouped[index] else symbols
        return [self._word(piece, tuple(symbols)) for piece, symbols in zip(pieces, grouped, strict=True) if symbols]

    def _word(self, piece: _Piece, phonemes: tuple[str, ...]) -> Word:
        start, end = self._place(piece.start, piece.end)
        source = self._marked.text[piece.start : piece.end]
        pause = math.fsum([piece.pause])
        return Word(source, start, end, _finish(piece.spoken), phonemes, piece.mark, pause, self._prosody(piece.start))

    def _prosody(self, at: int) -> Prosody:
        index = bisect.bisect_right(self._starts, at) - 1
        if index >= 0 and self._marked.prosody[index][1] > at:
            return self._marked.prosody[index][2]
        return Prosody()

    def _place(self, start: int, end: int) -> tuple[int, int]:
        places = self._marked.places
        if not places or start >= end:
            return self._offset, self._offset
        return places[start][0] + self._offset, places[end - 1][1] + self._offset


def _finish(spoken: str) -> str:
    """Lower case but for single letters."""
    return " ".join(word if re.fullmatch(r"[A-Z](?:'s)?", word) else word.lower() for word in spoken.split())


def _is_acronym(text: str) -> bool:
    known = dictionary()
    own = len(text) > 2 and isinstance(known.entry(text), str)
    return own and known.entry(text.lower()) is None and known.entry(text.capitalize()) is None
