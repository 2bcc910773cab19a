"""`<say-as>`: a text read as what it is said to be."""

import re

from ganray.errors import UsageError
from ganray.text.english import calendar, quantities
from ganray.text.english.characters import spell
from ganray.text.english.numbers import cardinal, decimal, digits, ordinal, roman, year
from ganray.text.english.scan import scan
from ganray.text.english.wording import Context
from ganray.text.markup import Override

_NUMBER = re.compile(rf"[-−+]?{quantities.NUMBER}")


def say_as(override: Override, text: str, context: Context) -> str:
    """The words.

    Raises:
        UsageError: The text is not what it is said to be.
    """
    said = _said(override.kind, override.value, text, context)
    if not said:
        raise UsageError(f"{override.where}: {text!r} can't be read as {override.kind}", mend=_EXAMPLES[override.kind])
    return said


_EXAMPLES = {
    "cardinal": "write a number: 1,234", "number": "write a number: 1,234", "ordinal": "write a whole number: 3",
    "digits": "write digits: 007", "characters": "write letters or digits", "spell-out": "write letters or digits",
    "verbatim": "write letters or digits", "date": "write 10/12/2019, 2019-10-12 or what its format says",
    "year": "write a year: 1905", "time": "write a time: 3:30 pm", "telephone": "write a number: 555-1234",
    "fraction": "write 3/4", "currency": "write $5.50 or 5 EUR", "unit": "write 5 km",
}  # fmt: skip


def _said(kind: str, form: str, text: str, context: Context) -> str | None:
    whole = text.replace(",", "")
    if kind in ("cardinal", "number"):
        if roman(text):
            return cardinal(roman(text))
        return decimal(text) if _NUMBER.fullmatch(text) else None
    if kind == "ordinal":
        number = roman(text) or (int(re.sub(r"\D", "", whole)) if re.fullmatch(r"\d+(?:st|nd|rd|th)?", whole) else 0)
        return ordinal(number) if number else None
    if kind == "digits":
        return digits(text) if re.search(r"\d", text) and not re.search(r"[^\W\d_]", text) else None
    if kind in ("characters", "spell-out", "verbatim"):
        return " ".join(_character(one) for one in text if not one.isspace())
    if kind == "year":
        return year(int(text)) if re.fullmatch(r"\d{1,4}", text) else None
    if kind == "date":
        return _date(form, text, context)
    if kind == "time":
        found = calendar.TIME.fullmatch(text) or calendar.HOUR.fullmatch(text)
        return found and (calendar.time_of_day(found) if ":" in text else calendar.hour_of_day(found))
    if kind == "telephone":
        characters = [digits(one) if one.isdecimal() else one.upper() for one in text if one.isalnum()]
        return ("plus " if text.startswith("+") else "") + " ".join(characters) if characters else None
    if kind == "fraction":
        found = quantities.MIXED_SLASH.fullmatch(text)
        if found:
            return quantities.mixed_slash(found)
        found = quantities.FRACTION.fullmatch(text)
        return quantities.slashed(found) if found else None
    pattern = (quantities.MONEY, quantities.COINS) if kind == "currency" else (quantities.MEASURE,)
    if not any(one.fullmatch(text) for one in pattern):
        return None
    return " ".join(token.spoken for token in scan(text, context))


def _character(character: str) -> str:
    if character.isdecimal():
        return digits(character)
    return (
        character.upper()
        if character.isascii() and character.isalpha()
        else spell(character) or _NAMES.get(character, "")
    )


_NAMES = {
    ".": "dot", ",": "comma", "-": "dash", "_": "underscore", ":": "colon", ";": "semicolon", "!": "exclamation mark",
    "?": "question mark", "'": "apostrophe", '"': "quote", "(": "open parenthesis", ")": "close parenthesis",
    "*": "asterisk", "[": "open bracket", "]": "close bracket", "{": "open brace", "}": "close brace", "|": "bar",
    "`": "backtick",
}  # fmt: skip


def _date(form: str, text: str, context: Context) -> str | None:
    if not form:
        tokens = [token.spoken for token in scan(text, context) if token.spoken]
        return " ".join(tokens) if re.search(r"\d", text) else None
    parts = re.findall(r"\d+", text)
    if len(parts) != len(form) or re.search(r"[^\W\d_]", text):
        return None
    named = {letter: int(part) for letter, part in zip(form, parts, strict=True)}
    if not 1 <= named.get("m", 1) <= 12 or not 1 <= named.get("d", 1) <= 31:
        return None
    said = [calendar.MONTHS[named["m"] - 1]] if "m" in named else []
    said += [ordinal(named["d"])] if "d" in named else []
    return " ".join([*said, *([year(named["y"])] if "y" in named else [])])
