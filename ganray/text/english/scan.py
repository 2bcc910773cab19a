"""A sentence → tokens: stretches that are said as one, and punctuation."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from ganray.text.english import calendar, quantities
from ganray.text.english.characters import emoji, fold, foreign, spell
from ganray.text.english.spellings import DOMAIN, EMAIL, HANDLE, URL, address, handle
from ganray.text.english.wording import Context, word_at


@dataclass(frozen=True)
class Token:
    """`text[start:end]`, how it is said, or which punctuation mark it is."""

    start: int
    end: int
    spoken: str = ""
    mark: str = ""


_Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]]
_NUMBERS: tuple[_Rule, ...] = (
    (calendar.ISO, calendar.iso_date),
    (calendar.SLASHED, calendar.slashed_date),
    (calendar.PHONE, calendar.phone),
    (calendar.TIME, calendar.time_of_day),
    (calendar.HOUR, calendar.hour_of_day),
    (quantities.SCIENTIFIC, quantities.scientific),
    (quantities.COINS, quantities.coins),
    (quantities.PERCENT, quantities.percent),
    (quantities.FEET_INCHES, quantities.feet_inches),
    (quantities.MIXED, quantities.mixed),
    (quantities.MIXED_SLASH, quantities.mixed_slash),
    (quantities.FRACTION, quantities.slashed),
    (quantities.SIZE, quantities.size),
    (quantities.MEASURE, quantities.measure),
    (quantities.ORDINAL, quantities.nth),
    (quantities.DOTTED, quantities.dotted),
    (quantities.POWER, quantities.power),
    (quantities.BIG, quantities.big),
    (quantities.RANGE, quantities.span),
    (quantities.RATIO, quantities.ratio),
)
_MONTHS: tuple[_Rule, ...] = (
    (calendar.MONTH_DAY, calendar.month_day),
    (calendar.MONTH_YEAR, calendar.month_year),
)
_MIXED_DIGITS = re.compile(r"\d+(?:\.\d+)*[^\W\d_]\w*(?![^\W_])")
_MARK = re.compile(r"[.…]{2,}|…|[,.?!;:‽¡¿。！？，、；：।]+|\s?[-–—―]{2,}\s?|\s?[–—―]\s?|(?<=\s)-(?=\s)")
_MARKS = {",": ",", "，": ",", "、": ",", ";": ";", "；": ";", ":": ":", "：": ":", "।": ".", "。": "."}
_SIMPLE = re.compile(r"[a-z]{2,}(?=[\s,;!?\")”]|$)")
"""Most words of most texts: nothing else can begin like this."""
_NO_VOWEL = re.compile(r"[^aeiouy]+")
_LEADING = re.compile(r"[ \t]*(?:[-*•‣◦▪–+](?=[ \t])|#{1,6}(?=[ \t])|>+(?=[ \t]))")
_LIST_NUMBER = re.compile(r"[ \t]*(?:\(?(?=\d{1,2}\))|(?=\d{1,3}[.)]|[a-zA-Z]\)))(\d+|[a-zA-Z])[.)](?=[ \t])")
_BRACKETS = frozenset("()[]{}⟨⟩（）【】「」『』|")
_QUIET = frozenset("\"“”„«»‘’'`´*_~^<>‹›-/\\")
_SUBTRACTED = re.compile(r"(?<=\s)[-−–](?=\s\d)")
_AFTER = " \t\n\"”’')]»*_"
_SPACED = {"-": "minus", "*": "times", "x": "by", "/": "over", "^": "to the power of", "~": "about"}


def scan(text: str, context: Context) -> list[Token]:
    """All tokens in order; what is left out is silent."""
    tokens: list[Token] = []
    at = 0
    if leading := _LEADING.match(text):
        at = leading.end()
    if item := _LIST_NUMBER.match(text, at):
        said = quantities.bare(item.group(1)) if item.group(1).isdecimal() else item.group(1).upper()
        tokens += [Token(item.start(1), item.end(1), said), Token(item.end(1), item.end(), mark=",")]
        at = item.end()
    while at < len(text):
        if text[at].isspace() and not _MARK.match(text, at):
            at += 1
            continue
        token = _token(text, at, context, tokens)
        if token.spoken or token.mark:
            tokens.append(token)
        at = max(token.end, at + 1)
    return tokens


def _token(text: str, at: int, context: Context, before: list[Token]) -> Token:
    character = text[at]
    fresh = at == 0 or not (text[at - 1].isalnum() or text[at - 1] == "_")
    if (
        character.isdecimal()
        or (fresh and character in "+-−±.'‘’" and _digit_follows(text, at))
        or character in quantities.PIECES
    ):
        return _number(text, at, context, before)
    if fresh and (found := quantities.MONEY.match(text, at)):
        return Token(at, found.end(), quantities.money(found) or "")
    if fresh and (character == "(" and (found := calendar.PHONE.match(text, at))):
        return Token(at, found.end(), calendar.phone(found) or "")
    if fresh and character in "#@" and (found := HANDLE.match(text, at)):
        return Token(at, found.end(), handle(found, context.known))
    if fresh and (simple := _SIMPLE.match(text, at)) and not _NO_VOWEL.fullmatch(simple.group()):
        return Token(at, simple.end(), simple.group())
    if fold(character).isalpha() or (fresh and character in "'’‘" and at + 1 < len(text)):
        if fresh and (token := _addressed(text, at, context) or _rule(_MONTHS, text, at)):
            return token
        end, said = word_at(text, at, context)
        if said:
            return Token(at, end, said)
    return _sign(text, at, before)


def _digit_follows(text: str, at: int) -> bool:
    sign = text[at]
    rest = text[at + 1 : at + 3]
    if sign in "'‘’":
        return quantities.SHORT_YEAR.match(text, at) is not None or quantities.DECADE.match(text, at) is not None
    if sign == "." and at and text[at - 1] == ".":
        return False
    return rest[:1].isdecimal() or (sign != "." and rest[:1] == "." and rest[1:].isdecimal())


def _age(before: list[Token]) -> bool:
    """Whether `80s` is a decade, not seconds, after this."""
    return bool(before) and before[-1].spoken in (
        "the",
        "his",
        "her",
        "my",
        "their",
        "early",
        "mid",
        "late",
        "our",
        "your",
    )


def _rule(rules: tuple[_Rule, ...], text: str, at: int) -> Token | None:
    for pattern, said in rules:
        match = pattern.match(text, at)
        if match and (spoken := said(match)):
            end = match.end() - (len(match.group()) - len(match.group().rstrip()))
            return Token(at, end, spoken)
    return None


def _addressed(text: str, at: int, context: Context) -> Token | None:
    found = URL.match(text, at) or EMAIL.match(text, at) or DOMAIN.match(text, at)
    return Token(at, found.end(), address(found.group(), context.known)) if found else None


def _number(text: str, at: int, context: Context, before: list[Token]) -> Token:
    if addressed := (EMAIL.match(text, at) or DOMAIN.match(text, at)):
        return Token(at, addressed.end(), address(addressed.group(), context.known))
    found = calendar.DAY_MONTH.match(text, at)
    if found and (said := calendar.day_month(found, bool(before) and before[-1].spoken.endswith("the"))):
        return Token(at, found.end(), said)
    found = quantities.DECADE.match(text, at)
    if found and (len(found.group(1)) == 4 or found.group() != f"{found.group(1)}s" or _age(before)):
        return Token(at, found.end(), quantities.decade(found) or "")
    touching = at > 0 and text[at - 1].isalpha()
    if not touching and (token := _rule(_NUMBERS, text, at)):
        return token
    if found := quantities.SHORT_YEAR.match(text, at):
        return Token(at, found.end(), quantities.short_year(found) or "")
    if found := _MIXED_DIGITS.match(text, at):
        return Token(at, found.end(), context.alphanumeric(found.group()))
    found = quantities.PLAIN.match(text, at)
    if found is None:
        return Token(at, at + 1, spell(text[at]))
    return Token(at, found.end(), quantities.number(found) or "")


def _sign(text: str, at: int, before: list[Token]) -> Token:
    """Punctuation, brackets, signs of mathematics, emoji, letters of other scripts."""
    character = text[at]
    if _SUBTRACTED.match(text, at) and before and text[:at].rstrip()[-1:].isdecimal():
        return Token(at, at + 1, "minus")
    if found := _MARK.match(text, at):
        # Where a sentence ends is settled already: a full stop inside one belongs to an abbreviation.
        inner = found.group() == "." and text[found.end() :].strip(_AFTER) != ""
        return Token(at, found.end(), mark="" if inner else _mark(found.group().strip()))
    if character in _BRACKETS:
        return Token(at, at + 1, mark="," if before and before[-1].spoken else "")
    previous, following = text[at - 1 : at], text[at + 1 : at + 2]
    between = previous.isspace() and following.isspace()
    if (
        character in _SPACED
        and between
        and (text[:at].rstrip()[-1:].isalnum() and text[at + 1 :].lstrip()[:1].isalnum())
    ):
        return Token(at, at + 1, _SPACED[character])
    if character in "*/^" and previous.isdecimal() and following.isdecimal():
        return Token(at, at + 1, _SPACED[character])
    if character == "^" and previous.isalnum() and following.isalnum():
        return Token(at, at + 1, "to the power of")
    if character == "~" and following.isdecimal():
        return Token(at, at + 1, "about")
    if character in "<>" and (between or following.isdecimal() or following == "="):
        equal = following == "="
        said = ("less than" if character == "<" else "greater than") + (" or equal to" if equal else "")
        return Token(at, at + 1 + equal, said)
    if character == "/" and previous.isalnum() and following.isalnum():
        return Token(at, at + 1, "" if re.match(r"/or\b", text[at:]) else "slash")
    if character in _QUIET:
        return Token(at, at + 1)
    if character == "#" and not following.isdecimal():
        return Token(at, at + 1)
    end = at + 1
    if fold(character).isalpha() or character.isalpha():
        return Token(at, end, foreign(character))
    while end < len(text) and not (
        text[end].isalnum() or text[end].isspace() or text[end] in _QUIET or _MARK.match(text, end)
    ):
        if text[end] in _BRACKETS or text[end] in "$€£¥#@&+=%":
            break
        end += 1
    return Token(at, end, emoji(text[at:end]))


def _mark(text: str) -> str:
    if "?" in text or "？" in text or "‽" in text:
        return "?"
    if "!" in text or "！" in text:
        return "!"
    if text[:1] in "¡¿":
        return ""
    if text[:1] in "-–—―":
        return "—"
    if (len(text) > 1 and set(text) <= set(".…")) or text == "…":
        return "…"
    return _MARKS.get(text[-1], ".") if text != "." else "."
