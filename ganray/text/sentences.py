"""Where sentences end: in whole texts, and in texts that arrive in pieces and never end.

A boundary is decided from the sentence so far and `LOOKAHEAD` characters after it, so a stream in pieces of any size
gives the same sentences as the whole text, and no more than a sentence and a piece is ever held.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ganray.text.abbreviations import ends_sentence
from ganray.text.tables import words

LOOKAHEAD = 64
"""Characters that must be seen after a possible end."""
LONGEST = 600
"""Characters of a sentence; a longer one is cut at its last clause, or else its last space."""

_CANDIDATE = re.compile(r"[.!?…‽][.!?…‽]*[\"'”’»)\]}*_]*(?=\s|$)|[。！？｡]+[」』”’)]*|\n")
_CLOSERS = re.compile(r"[\"'”’»)\]}*_]+$")
_OPENERS = "\"'“‘«([{*_¿¡ \t\n\r-–—"
_ITEM = re.compile(r"[ \t]*(?:[-*•‣◦▪–+][ \t]+|\(?\d{1,3}[.)][ \t]+|\(?[a-zA-Z][)][ \t]+|#{1,6}[ \t]+)")
_SMALL = words("a an and as at but by for from in nor of on or the to with is vs")


class Span(NamedTuple):
    """A stretch of a text."""

    text: str
    start: int
    end: int
    ends_paragraph: bool = False


def split_sentences(text: str | Iterable[str]) -> Iterator[Span]:
    """The sentences of a text, in order, without the space between them; nothing but space is left out.

    Args:
        text: A text, or its pieces as they come. Offsets count from the first piece's first character.
    """
    splitter = Splitter()
    if isinstance(text, str):
        yield from splitter.finish(text)
        return
    for piece in text:
        yield from splitter.feed(piece)
    yield from splitter.finish()


class Splitter:
    """Sentences of a text that comes in pieces; those of the whole text."""

    def __init__(self) -> None:
        self._buffer, self._base = "", 0

    def feed(self, piece: str) -> Iterator[Span]:
        """Sentences that are certain to have ended, after one more piece."""
        self._buffer += piece
        spans, used = _ready(self._buffer, self._base, final=False)
        self._buffer, self._base = self._buffer[used:], self._base + used
        return spans

    def finish(self, piece: str = "") -> Iterator[Span]:
        """All that is left, after a last piece, as if the text ended here; more may follow all the same."""
        self._buffer += piece
        spans, _ = _ready(self._buffer, self._base, final=True)
        self._base, self._buffer = self._base + len(self._buffer), ""
        return spans


def _ready(buffer: str, base: int, *, final: bool) -> tuple[Iterator[Span], int]:
    """(Sentences that are certain, how much of the buffer they use up)."""
    found: list[Span] = []
    at = 0
    while True:
        while at < len(buffer) and buffer[at].isspace():
            at += 1
        end = _end(buffer, at, final)
        if end is None:
            break
        text = buffer[at:end].rstrip()
        if text:
            rest = buffer[end - 1 if buffer[end - 1] == "\n" else end :][:LOOKAHEAD]
            blank = re.match(r"[ \t]*\r?\n[ \t\r]*\n", rest)
            found.append(Span(text, base + at, base + at + len(text), blank is not None))
        at = end
        if at >= len(buffer):
            break
    return iter(found), at


def _end(buffer: str, start: int, final: bool) -> int | None:
    """Where the sentence that begins at `start` ends; None: more must be seen."""
    limit = min(len(buffer), start + LONGEST)
    for match in _CANDIDATE.finditer(buffer, start, limit):
        if match.end() + LOOKAHEAD > len(buffer) and not final:
            return None
        after = buffer[match.end() : match.end() + LOOKAHEAD]
        if match.group() == "\n":
            if _line_ends(buffer[start : match.start()], after):
                return match.end()
        elif match.group()[0] in "。！？｡" or _stop_ends(buffer[start : match.start()], match.group(), after):
            return match.end()
    if limit == start + LONGEST and (final or len(buffer) >= limit + LOOKAHEAD):
        return start + _cut(buffer[start:limit]) if len(buffer) > limit else limit
    return len(buffer) if final and start < len(buffer) else None


def _cut(text: str) -> int:
    """Where to cut a sentence that is too long."""
    clauses = [match.end() for match in re.finditer(r"[;:,—–](?=\s)", text) if match.end() > LONGEST // 3]
    space = max(text.rfind(" "), text.rfind("\n"))
    return clauses[-1] if clauses else space + 1 if space > LONGEST // 3 else len(text)


def _line_ends(line: str, after: str) -> bool:
    """Whether a new line ends a sentence: before and after list items, after headings, at an empty line."""
    last = line.rsplit("\n", 1)[-1]
    if not last.strip() or after.lstrip(" \t\r")[:1] in ("\n", "") or _ITEM.match(after) or _ITEM.match(last):
        return True
    line_words = re.findall(r"[^\W\d_][\w'’]*", last)
    if "\n" in line or not line_words or len(last) > 60 or last.rstrip()[-1:] in ",;—–-":
        return False
    capital = sum(word[0].isupper() or word.lower() in _SMALL for word in line_words)
    starts_new = after.lstrip(_OPENERS)[:1]
    return (
        capital >= 0.75 * len(line_words)
        and line_words[0][0].isupper()
        and (starts_new.isupper() or starts_new.isdigit())
    )


def _stop_ends(before: str, stop: str, after: str) -> bool:
    """Whether `stop`, which follows `before`, ends a sentence, given what comes `after`."""
    if not after.strip():
        return True
    following = after.lstrip(_OPENERS)
    first = following[:1]
    quoted = bool(_CLOSERS.search(stop))
    marks = _CLOSERS.sub("", stop)
    lower = first.islower() and not re.match(r"[a-z]+[A-Z]", following)
    if "!" in marks or "?" in marks or "‽" in marks:
        return not (lower and quoted)
    if lower:
        return False
    if marks != ".":
        return True
    if _ITEM.fullmatch(before.rsplit("\n", 1)[-1] + ". "):
        return False
    word = re.split(r"[\s(\[{\"“‘—–]", before)[-1]
    return quoted or ends_sentence(word, before, following)
