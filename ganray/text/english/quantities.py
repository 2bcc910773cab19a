"""Numbers as they are written: money, units, percentages, ranges, fractions, ordinals, years."""

import re

from ganray.text.english.numbers import (
    cardinal,
    decimal,
    digits,
    fraction,
    is_single,
    ordinal,
    plural_year,
    year,
)
from ganray.text.english.units import AMBIGUOUS, CURRENCIES, MAGNITUDES, PIECES, UNITS, many

NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_DASH = r"\s?[-–—−]\s?"
_SIGN = r"[-−+±]?"


def _any(names: object) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))  # type: ignore[call-overload]


_SIGNS = _any(name for name in CURRENCIES if not name.isalpha() and name != "¢")
_MAGNITUDE = rf"(?:(\s?)({_any(MAGNITUDES)})(?!\w))?"
MONEY = re.compile(rf"([-−]?)({_SIGNS})\s?({NUMBER})(?:[-–—]\2?({NUMBER}))?{_MAGNITUDE}")
COINS = re.compile(rf"({NUMBER}){_MAGNITUDE}\s?({_any(name for name in CURRENCIES if name.isalpha())}|¢|€|£)(?!\w)")
PERCENT = re.compile(rf"({_SIGN})({NUMBER})(?:%?{_DASH}({NUMBER}))?\s?(%|‰)")
FEET_INCHES = re.compile(r"(\d{1,2})[′'’]\s?(\d{1,2})(?:[″\"”]|''|\s?in\b)")
SIZE = re.compile(rf"({NUMBER})\s?[x×]\s?({NUMBER})(?:\s?[x×]\s?({NUMBER}))?(?![\w.]*\d)(?:\s?({_any(UNITS)})(?!\w))?")
MEASURE = re.compile(rf"({_SIGN})({NUMBER})(?:{_DASH}({NUMBER}))?(\s?-?)({_any(UNITS)})(?![\w²³/]|-?\d)")
MIXED = re.compile(rf"(\d+)?\s?([{''.join(PIECES)}])(?:\s?({_any(UNITS)})(?!\w))?")
_UNIT = rf"(?:\s?({_any(set(UNITS) - AMBIGUOUS)})(?!\w))?"
MIXED_SLASH = re.compile(rf"(\d+)\s(\d{{1,3}})/(\d{{1,3}})(?![\d/]){_UNIT}")
FRACTION = re.compile(rf"(\d{{1,4}})\s?[/⁄]\s?(\d{{1,4}})(?![\d/])(?!\.\d){_UNIT}")
ORDINAL = re.compile(r"(\d{1,3}(?:,\d{3})*|\d+)(?:st|nd|rd|th|ST|ND|RD|TH)(?!\w)")
DECADE = re.compile(r"['‘’]?((?:\d\d)?\d0)['’]?s(?!\w)")
SHORT_YEAR = re.compile(r"['‘’](\d\d)(?![\w'’])")
DOTTED = re.compile(r"\d+(?:\.\d+){2,}")
RANGE = re.compile(rf"({NUMBER})(?:[-–—]|\s[–—]\s)({NUMBER})(?![\w-]|\.\d)")
RATIO = re.compile(r"(\d+):(\d+)(?![\d:])")
POWER = re.compile(rf"({NUMBER})\^([-−]?{NUMBER})")
SCIENTIFIC = re.compile(rf"({_SIGN}{NUMBER})\s?(?:[eE]|[x×*]\s?10\^)([-−+]?\d+)(?!\w)")
BIG = re.compile(rf"({_SIGN})({NUMBER})\s?(hundred|thousand|million|billion|trillion|mn|bn|tn|M|k)(?!\w)")
PLAIN = re.compile(rf"({_SIGN})({NUMBER})")
SAID_SIGNS = {"-": "minus ", "−": "minus ", "+": "plus ", "±": "plus or minus ", "": ""}
_IDIOMS = {(24, 7): "twenty four seven", (9, 11): "nine eleven", (50, 50): "fifty fifty"}


def money(match: re.Match[str]) -> str | None:
    """`$5.50` → five dollars and fifty cents; `$1.5 million` → one point five million dollars."""
    sign, symbol, amount, upper, _, magnitude = match.groups()
    return ("minus " if sign else "") + _money(symbol, amount, upper, magnitude)


def coins(match: re.Match[str]) -> str | None:
    """`5 EUR` → five euros; `99¢` → ninety nine cents."""
    amount, _, magnitude, symbol = match.groups()
    return _money(symbol, amount, None, magnitude)


def _money(symbol: str, amount: str, upper: str | None, magnitude: str | None) -> str:
    unit, coin = CURRENCIES[symbol]
    if upper or magnitude:
        scale = f" {MAGNITUDES[magnitude]}" if magnitude else ""
        return decimal(amount) + (f" to {decimal(upper)}" if upper else "") + f"{scale} {many(unit)}"
    whole, point, part = amount.partition(".")
    if not point or len(part) != 2 or not coin:
        return f"{decimal(amount)} {unit if is_single(amount) else many(unit)}"
    number, small = int(whole.replace(",", "") or 0), int(part)
    said = [f"{cardinal(number)} {unit if number == 1 else many(unit)}"] if number or not small else []
    said += [f"{cardinal(small)} {coin if small == 1 else many(coin)}"] if small else []
    return " and ".join(said)


def percent(match: re.Match[str]) -> str | None:
    """`10–20 %` → ten to twenty percent."""
    sign, low, high, kind = match.groups()
    said = f"{SAID_SIGNS[sign]}{decimal(low)}" + (f" to {decimal(high)}" if high else "")
    return f"{said} {'percent' if kind == '%' else 'per mille'}"


def measure(match: re.Match[str]) -> str | None:
    """`5 km` → five kilometers; a letter that may be something else must touch its number."""
    sign, low, high, space, unit = match.groups()
    if unit in AMBIGUOUS and (space.strip(" ") or (space == " " and unit not in ("m", "g", "s", "V", "W"))):
        return None
    if unit in ("K", "B", "L", "N", "J", "A") and not space and not high:
        return None
    if space == "-" and unit.lower() in ("a", "in", "m", "s", "h", "l", "g", "k", "b"):
        return None
    noun = UNITS[unit]
    one = not high and (is_single(low) or space.endswith("-"))
    return f"{SAID_SIGNS[sign]}{decimal(low)}{f' to {decimal(high)}' if high else ''} {noun if one else many(noun)}"


def size(match: re.Match[str]) -> str | None:
    """`3x4 m` → three by four meters."""
    *sides, unit = match.groups()
    if " × " in match.group() and not unit:
        return " times ".join(decimal(side) for side in sides if side)
    return " by ".join(decimal(side) for side in sides if side) + (f" {many(UNITS[unit])}" if unit else "")


def feet_inches(match: re.Match[str]) -> str | None:
    """`5'10"` → five foot ten."""
    return f"{cardinal(int(match.group(1)))} foot {cardinal(int(match.group(2)))}"


def mixed(match: re.Match[str]) -> str | None:
    """`2½` → two and a half."""
    whole, piece, unit = match.groups()
    return _mixed(int(whole) if whole else 0, *PIECES[piece]) + (f" {many(UNITS[unit])}" if unit else "")


def mixed_slash(match: re.Match[str]) -> str | None:
    """`1 1/2` → one and a half."""
    whole, above, below = map(int, match.groups()[:3])
    unit = match.group(4)
    return _mixed(whole, above, below) + (f" {many(UNITS[unit])}" if unit else "") if 0 < above < below else None


def _mixed(whole: int, above: int, below: int) -> str:
    part = fraction(above, below)
    return f"{cardinal(whole)} and {part.replace('one ', 'a ', 1) if above == 1 else part}" if whole else part


def slashed(match: re.Match[str]) -> str | None:
    """`3/4` → three quarters; `24/7` as it is said."""
    above, below = int(match.group(1)), int(match.group(2))
    unit = UNITS.get(match.group(3) or "", "")
    said = _IDIOMS.get((above, below)) or fraction(above, below)
    return f"{said} {unit if above == 1 else many(unit)}" if unit else said


def nth(match: re.Match[str]) -> str | None:
    """`21st` → twenty first."""
    return ordinal(int(match.group(1).replace(",", "")))


def decade(match: re.Match[str]) -> str | None:
    """`1990s` → nineteen nineties."""
    return plural_year(match.group(1))


def short_year(match: re.Match[str]) -> str | None:
    """`'99` → ninety nine."""
    return cardinal(int(match.group(1)))


def dotted(match: re.Match[str]) -> str | None:
    """Versions and addresses: `3.11.7` → three point eleven point seven."""
    parts = match.group().split(".")
    return (" dot " if len(parts) == 4 else " point ").join(decimal(part) for part in parts)


def span(match: re.Match[str]) -> str | None:
    """`10–12` → ten to twelve."""
    return f"{bare(match.group(1))} to {bare(match.group(2))}"


def ratio(match: re.Match[str]) -> str | None:
    """`10:1` → ten to one."""
    return f"{decimal(match.group(1))} to {decimal(match.group(2))}"


def power(match: re.Match[str]) -> str | None:
    """`2^10` → two to the power of ten."""
    return f"{decimal(match.group(1))} to the power of {decimal(match.group(2))}"


def scientific(match: re.Match[str]) -> str | None:
    """`6e-3` → six times ten to the power of minus three."""
    return f"{decimal(match.group(1))} times ten to the power of {decimal(match.group(2)).replace('plus ', '')}"


def big(match: re.Match[str]) -> str | None:
    """`1.5 million` → one point five million."""
    sign, amount, magnitude = match.groups()
    return f"{SAID_SIGNS[sign]}{decimal(amount)} {MAGNITUDES[magnitude]}"


def number(match: re.Match[str]) -> str | None:
    """A number that is nothing more."""
    return SAID_SIGNS[match.group(1)] + bare(match.group(2))


def bare(text: str) -> str:
    """Four digits are a year, ten and more are read one by one."""
    if text.isdecimal():
        if len(text) == 4 and 1100 <= int(text) < 2100:
            return year(int(text))
        if len(text) >= 10 and not text.endswith("000"):
            return digits(text)
    return decimal(text)
