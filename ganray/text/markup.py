"""The SSML subset and `[[inline phonemes]]`: a text with markup becomes plain characters that know where they stood.

A reader of its own, not an XML parser: it keeps every character's place, and there is nothing in it that could
expand an entity or fetch a document type.
"""

import re
from dataclasses import dataclass, field

from ganray.errors import UsageError
from ganray.text.ssml import ALLOWED, check_break, check_phoneme, check_prosody, check_say_as, check_sub
from ganray.text.symbols import parse_phonemes
from ganray.text.utterance import Prosody

_TAG = re.compile(r"<(/?)([A-Za-z][\w:.-]*)((?:\s+[\w:.-]+\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))*)\s*(/?)>")
_ATTRIBUTE = re.compile(r"([\w:.-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_ENTITY = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6}));")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_INLINE = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)


@dataclass(frozen=True)
class Override:
    """`text[start:end]` is not read as it stands: `kind` is phonemes, alias, or what `say-as` interprets it as."""

    start: int
    end: int
    kind: str
    value: str = ""
    phonemes: tuple[str, ...] = ()
    where: str = ""


@dataclass
class Marked:
    """A text without its markup."""

    text: str = ""
    places: list[tuple[int, int]] = field(default_factory=list)
    """Each character's (start, end) in the source."""
    overrides: list[Override] = field(default_factory=list)
    breaks: list[tuple[int, float]] = field(default_factory=list)
    """(Position, seconds)."""
    bounds: list[tuple[int, bool]] = field(default_factory=list)
    """(Position where a sentence ends, whether a paragraph does)."""
    prosody: list[tuple[int, int, Prosody]] = field(default_factory=list)
    """(Start, end, what holds there), in order and never overlapping."""


def plain(text: str) -> Marked:
    """A text that has no markup."""
    return Marked(text, [(index, index + 1) for index in range(len(text))])


def parse_markup(source: str) -> Marked:
    """What the markup says.

    Raises:
        UsageError: With the line and column, what is wrong and what is allowed.
    """
    return _Reader(source).read()


@dataclass
class _Open:
    name: str
    at: int
    start: int
    attributes: dict[str, str]
    prosody: Prosody


class _Reader:
    def __init__(self, source: str) -> None:
        self.source, self.out, self.open = source, Marked(), [_Open("", 0, 0, {}, Prosody())]
        self.chars: list[str] = []

    def read(self) -> Marked:
        at = 0
        while at < len(self.source):
            at = self._step(at)
        if len(self.open) > 1:
            last = self.open[-1]
            raise self._error(last.at, f"<{last.name}> is never closed", f"write </{last.name}>")
        self.out.text = "".join(self.chars)
        return self.out

    def _step(self, at: int) -> int:
        source = self.source
        character = source[at]
        if character == "<":
            if source.startswith("<!--", at):
                end = source.find("-->", at)
                if end < 0:
                    raise self._error(at, "a comment is never closed", "write -->")
                return end + 3
            if source.startswith("<?xml", at) and not source[:at].strip() and "?>" in source[at:]:
                return source.index("?>", at) + 2
            if source.startswith("<!", at) or source.startswith("<?", at):
                raise self._error(at, "document types, entities and instructions are not read", "leave them out")
            tag = _TAG.match(source, at)
            if tag is None:
                raise self._error(at, "this is not a tag", "write &lt; for the sign, or " + ALLOWED)
            self._tag(tag, at)
            return tag.end()
        if character == "&":
            entity = _ENTITY.match(source, at)
            if entity is None:
                raise self._error(at, "a bare & in markup", "write &amp;")
            self._put(self._entity(entity, at), at, entity.end())
            return entity.end()
        if source.startswith("[[", at):
            return self._inline(at)
        self._put(character, at, at + 1)
        return at + 1

    def _entity(self, entity: re.Match[str], at: int) -> str:
        name, decimal, hexadecimal = entity.groups()
        if name:
            return _ENTITIES[name]
        code = int(decimal) if decimal else int(hexadecimal, 16)
        if code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise self._error(at, f"{entity.group()} is no character", "write the character itself")
        return chr(code)

    def _inline(self, at: int) -> int:
        inline = _INLINE.match(self.source, at)
        if inline is None:
            raise self._error(at, "[[ is never closed", "write [[h ə l ˈoʊ]]")
        self._refuse_inside_override(at, "[[…]]")
        phonemes = parse_phonemes(inline.group(1), self._where(at))
        start = len(self.chars)
        for index in range(at, inline.end()):
            self._put(self.source[index], index, index + 1)
        self.out.overrides.append(Override(start, len(self.chars), "phonemes", phonemes=phonemes))
        return inline.end()

    def _put(self, character: str, start: int, end: int) -> None:
        prosody = self.open[-1].prosody
        if prosody != Prosody():
            runs, here = self.out.prosody, len(self.chars)
            if runs and runs[-1][1] == here and runs[-1][2] == prosody:
                runs[-1] = (runs[-1][0], here + 1, prosody)
            else:
                runs.append((here, here + 1, prosody))
        self.chars.append(character)
        self.out.places.append((start, end))

    def _tag(self, tag: re.Match[str], at: int) -> None:
        closing, name, raw, empty = tag.groups()
        if closing:
            self._close(name, at)
            return
        attributes: dict[str, str] = {}
        for attribute in _ATTRIBUTE.finditer(raw):
            value = attribute.group(2) if attribute.group(2) is not None else attribute.group(3)
            if attribute.group(1) in attributes:
                raise self._error(at, f"<{name}> has {attribute.group(1)} twice", "keep one")
            attributes[attribute.group(1)] = _ENTITY.sub(lambda entity: self._entity(entity, at), value)
        if name in ("phoneme", "sub", "say-as", "break", "p", "s"):
            self._refuse_inside_override(at, f"<{name}>")
        where, outer = self._where(at), self.open[-1].prosody
        if name == "break":
            self.out.breaks.append((len(self.chars), check_break(attributes, where)))
        inner = check_prosody(attributes, outer, where) if name == "prosody" else outer
        if name == "phoneme":
            check_phoneme(attributes, where)
        elif name == "sub":
            check_sub(attributes, where)
        elif name == "say-as":
            check_say_as(attributes, where)
        elif name in ("p", "s"):
            self._no_attributes(attributes, name, at)
            self.out.bounds.append((len(self.chars), name == "p"))
        elif name == "speak" and (len(self.open) > 1 or "".join(self.chars).strip()):
            raise self._error(at, "<speak> stands at the beginning only", ALLOWED)
        elif name not in ("speak", "break", "prosody"):
            raise self._error(at, f"<{name}> is not known", ALLOWED)
        if name == "break" and not empty:
            raise self._error(at, "<break> is empty", "write <break/>")
        if not empty:
            self.open.append(_Open(name, at, len(self.chars), attributes, inner))
        elif name not in ("break", "p", "s"):
            raise self._error(at, f"<{name}/> holds nothing", f"write <{name} …>text</{name}>")

    def _close(self, name: str, at: int) -> None:
        opened = self.open[-1]
        if opened.name != name:
            expected = f"</{opened.name}> must come first" if opened.name else "nothing is open"
            raise self._error(at, f"</{name}> closes nothing: {expected}", "close in the order of opening")
        self.open.pop()
        end = len(self.chars)
        if name in ("p", "s"):
            self.out.bounds.append((end, name == "p"))
        if name not in ("phoneme", "sub", "say-as"):
            return
        if not "".join(self.chars[opened.start : end]).strip():
            raise self._error(opened.at, f"<{name}> holds no text", f"write <{name} …>text</{name}>")
        where, given = self._where(opened.at), opened.attributes
        if name == "phoneme":
            phonemes = parse_phonemes(given["ph"], where)
            self.out.overrides.append(Override(opened.start, end, "phonemes", phonemes=phonemes))
        elif name == "sub":
            self.out.overrides.append(Override(opened.start, end, "alias", given["alias"]))
        else:
            value = given.get("format", "")
            self.out.overrides.append(Override(opened.start, end, given["interpret-as"], value, where=where))

    def _refuse_inside_override(self, at: int, what: str) -> None:
        inside = next((one.name for one in self.open if one.name in ("phoneme", "sub", "say-as")), None)
        if inside:
            raise self._error(at, f"{what} inside <{inside}>", f"<{inside}> holds text only")

    def _no_attributes(self, attributes: dict[str, str], name: str, at: int) -> None:
        wrong = next((key for key in attributes if key != "xml:lang"), None)
        if wrong:
            raise self._error(at, f"<{name}> has no {wrong}", f"write <{name}>")

    def _where(self, at: int) -> str:
        line = self.source.count("\n", 0, at) + 1
        return f"markup line {line} column {at - (self.source.rfind(chr(10), 0, at) + 1) + 1}"

    def _error(self, at: int, what: str, mend: str) -> UsageError:
        return UsageError(f"{self._where(at)}: {what}", mend=mend)
