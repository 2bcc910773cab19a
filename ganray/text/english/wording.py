"""Words as they are written → as they are said: abbreviations, capitals, Roman numerals, other scripts."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from ganray.text.abbreviations import BEFORE_NUMBER, INNER, LAST, LETTERED, TITLES, WORDS_TOO
from ganray.text.english import spellings
from ganray.text.english.characters import fold, foreign, spell
from ganray.text.english.numbers import cardinal, ordinal, roman
from ganray.text.tables import words

_LETTER = r"[^\W\d_\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209f\u2150-\u218f\u2460-\u24ff]"
_WORD = re.compile(rf"{_LETTER}(?:{_LETTER}|[\u0300-\u036f])*(?:['’ʼ](?:{_LETTER}|[\u0300-\u036f])+)*")
_DOTTED = re.compile(r"(?:[A-Za-z]{1,2}\.){2,}(?:[A-Za-z](?![\w]))?|(?:Ph|B|M)\.\s?(?:D|Sc)\.")
_MIXED = re.compile(r"[^\W\d_]+\d\w*(?:\.\d+)*")
_PLURAL = re.compile(r"([A-Z]{2,})(['’]?s)(?!\w)")
_INNER_DOT = re.compile(r"\.(?=[A-Za-z]{2,}(?!\w))")
_ORDINAL_NAMES = words(
    "henry louis george elizabeth charles edward james william richard john mary francis philip napoleon frederick "
    "catherine peter nicholas alexander pius benedict leo gregory urban clement innocent boniface paul ivan otto "
    "ferdinand robert david malcolm margaret ramses ramesses ptolemy constantine theodosius xerxes darius"
)
_COUNTED = words(
    "chapter part volume book act scene section war article appendix phase type class stage level title vol ch super "
    "bowl apollo gemini rocky figure table unit lesson step grade round quadrant tier world mark saturn cranial"
)
_VITAMINS = words(
    "vitamin plan type group grade section class hepatitis point option appendix part exhibit figure team series "
    "an schedule answer choice letter line side model version block room gate unit level building the"
)
_ELISIONS = ("'tis", "'twas", "'em", "'cause", "'til", "'bout", "'n'", "'round", "'twere", "'twould", "'cept")
_UNDOTTED = {"mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "prof": "professor"}
_SLASHED = {"w/o": "without", "w/": "with", "c/o": "care of", "n/a": "N A", "a/c": "A C", "b/c": "because"}


@dataclass(frozen=True)
class Context:
    """What reading a word needs to know beyond it."""

    known: Callable[[str], bool]
    acronym: Callable[[str], bool]
    """Whether the dictionary has capitals as a word of their own."""
    shouted: bool = False
    """Whether the whole sentence stands in capitals."""

    def alphanumeric(self, text: str) -> str:
        """Letters and digits run together."""
        return spellings.alphanumeric(text, self.known)


def word_at(text: str, at: int, context: Context) -> tuple[int, str]:
    """(Where the word at `at` ends, how it is said); nothing said: no word."""
    if text[at] in "'‘’":
        found = next(
            (one for one in _ELISIONS if text[at : at + len(one)].lower().replace("’", "'").replace("‘", "'") == one),
            None,
        )
        end = at + len(found) if found else at
        return (end, found) if found and not text[end : end + 1].isalpha() else (at, "")
    if dotted := _abbreviated(text, at, context):
        return dotted
    lower = text[at : at + 4].lower()
    for written, said in _SLASHED.items():
        if (
            lower.startswith(written)
            and (at == 0 or not text[at - 1].isalnum())
            and not text[at + len(written) : at + len(written) + 1].isalnum()
        ):
            return at + len(written), said
    if (mixed := _MIXED.match(text, at)) and mixed.group().isascii():
        return mixed.end(), context.alphanumeric(mixed.group())
    found_word = _WORD.match(text, at)
    if found_word is None:
        return at + 1, foreign(text[at]) or spell(text[at])
    return _word(text, at, found_word, context)


def _word(text: str, at: int, found: re.Match[str], context: Context) -> tuple[int, str]:
    end, written = found.end(), found.group()
    if not fold(written).replace("'", "").isascii():
        return end, foreign(written)
    word = fold(written)
    if len(word) == 1:
        return end, _letter(text, at, end, word)
    if (plural := _PLURAL.match(text, at)) and not context.known(plural.group(1).lower() + "s"):
        return plural.end(), spellings.capitals(plural.group(1), context.known, False) + "'s"
    if word.endswith(("'s", "'S")) and word[:-2].isupper() and len(word) > 3:
        return end, _upper(text, at, word[:-2], context) + "'s"
    if word.isupper():
        return end, _upper(text, at, word, context)
    title = _UNDOTTED.get(word.lower())
    if title and word[0].isupper() and re.match(r"\s+[A-Z]", text[end:]):
        return end, title
    if word == "St" and re.match(r"\s+[A-Z][a-z]", text[end:]):
        return end, "saint"
    if not word[1:].islower() and "'" not in word and not context.known(word):
        return end, spellings.identifier(word, context.known)
    if len(word) < 6 and spellings.unpronounceable(word.replace("'", "")) and not context.known(word):
        return end, spellings.letters(word.replace("'", ""))
    if (dot := _INNER_DOT.match(text, end)) and not re.match(r"\.[A-Z][a-z]", text[end:]) and context.known(word):
        return dot.end(), f"{word.lower()} dot"
    return end, word.lower()


def _letter(text: str, at: int, end: int, word: str) -> str:
    """One letter: the article, the pronoun, a Roman numeral or its own name."""
    previous = _previous(text, at)
    if word == "a":
        return "A" if text[end : end + 1] in ("-", ")") or text[at - 1 : at] == "-" else "a"
    if word in "IVX" and (counted := _counted(previous, word)):
        return counted
    if word != "A":
        return word.upper()
    joined = text[end : end + 1] in ("-", "+", "'", "’", "/", ")", "&") or text[at - 1 : at] in ("-", "/")
    followed = re.match(r"\s+[^\W\d_]", text[end:])
    if joined or not followed or (at and previous in _VITAMINS):
        return "A"
    return "a"


def _counted(previous: str, text: str) -> str:
    """A Roman numeral after a king's name or a chapter; nothing elsewhere."""
    number = roman(text)
    if not number or number > 200:
        return ""
    if previous in _ORDINAL_NAMES or (previous == "pope"):
        return f"the {ordinal(number)}"
    return cardinal(number) if previous in _COUNTED else ""


def _upper(text: str, at: int, word: str, context: Context) -> str:
    if said := _counted(_previous(text, at), word):
        return said
    if (
        len(word) > 2
        and len((roman(word) and word) or "") > 1
        and not context.known(word.lower())
        and re.search(r"[A-Z]\w+\s+$", text[:at])
    ):
        return cardinal(roman(word))
    if context.acronym(word):
        return word.lower()
    return spellings.capitals(word, context.known, context.shouted)


def _previous(text: str, at: int) -> str:
    found = re.search(r"([^\W\d_]+)\W*$", text[max(0, at - 40) : at])
    return found.group(1).lower() if found else ""


def _abbreviated(text: str, at: int, context: Context) -> tuple[int, str] | None:
    """A word and its full stop, where both are an abbreviation."""
    if dotted := _DOTTED.match(text, at):
        key = dotted.group().lower().replace(" ", "").rstrip(".")
        spelled = key.replace(".", "")
        if key in LETTERED or key in INNER:
            return dotted.end(), LETTERED.get(key) or INNER[key]
        if all(len(part) == 1 for part in key.split(".")):
            return dotted.end(), spellings.letters(spelled)
    found = re.match(r"([A-Za-z]+)\.", text[at : at + 12])
    if found is None:
        return None
    word, lower, end = found.group(1), found.group(1).lower(), at + found.end()
    rest = text[end:].lstrip()
    last = not rest
    if re.match(r"\.\w", text[end - 1 :]) or text[end : end + 1] == ".":
        return None
    if lower == "st":
        name = re.match(r"[A-Z]", rest) and not re.search(r"(?:\d\w*|[A-Z][a-z]+)\s+$", text[:at])
        return end, "saint" if name else "street"
    if lower == "dr":
        street = re.search(r"[A-Z][a-z]+\s+$", text[:at]) and not re.match(r"[A-Z]", rest)
        return end, "drive" if street else "doctor"
    if lower in BEFORE_NUMBER:
        numbered = re.match(r"[#(]?\d|[IVX]+\b", rest)
        return (end, INNER.get(lower, lower)) if numbered else None
    if last and lower in WORDS_TOO and (word.islower() or lower in ("no", "art", "ill")):
        return None
    if lower in TITLES and (word[0].isupper() or lower not in WORDS_TOO):
        return end, TITLES[lower]
    if (
        lower in LAST
        and (word[0].isupper() or lower not in WORDS_TOO or not last)
        and not (lower in ("sun", "mass", "ill", "min", "max") and word.islower())
    ):
        return end, LAST[lower]
    if lower in INNER and (word[0].isupper() or lower not in WORDS_TOO or not last):
        return end, INNER[lower]
    return None
