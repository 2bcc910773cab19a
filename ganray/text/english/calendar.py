"""Dates, times of day and telephone numbers."""

import re

from ganray.text.english.numbers import cardinal, digits, ordinal, year

MONTHS = "january february march april may june july august september october november december".split()  # noqa: SIM905
_MONTH = (
    r"(Jan(?:uary|\.)?|Feb(?:ruary|\.)?|Mar(?:ch|\.)?|Apr(?:il|\.)?|May|June?\.?|July?\.?|Aug(?:ust|\.)?"
    r"|Sept?(?:ember|\.)?|Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?)"
)
MONTH_DAY = re.compile(_MONTH + r"\s+(\d{1,2})(?:st|nd|rd|th)?(?![\d:%])(?!\.\d)(?:(?:,\s*|\s+)(\d{4})(?!\d))?")
MONTH_YEAR = re.compile(_MONTH + r",?\s+(\d{4})(?![\d:])")
DAY_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?(?:\s+of)?\s+" + _MONTH + r"(?!\w)(?:,?\s+(\d{4})(?!\d))?")
ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?![\d-])(?:T(\d\d):(\d\d)(?::\d\d(?:\.\d+)?)?Z?)?")
SLASHED = re.compile(r"(\d{1,2})([/.])(\d{1,2})\2(\d{4}|\d\d)(?![\d/]|\.\d)")
TIME = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:])(?:\s*([AaPp])\.?\s?[Mm](?!\w)\.?)?")
HOUR = re.compile(r"(1[0-2]|0?[1-9])\s*([AaPp])(?:\.\s?[Mm]\.|\.?[Mm](?!\w))")
_PHONES = (
    r"(?:\+?1[-. ])?\(\d{3}\)\s?\d{3}[-. ]\d{4}(?!\d)",
    r"(?:\+?1[-. ])?\d{3}([-. ])\d{3}\1\d{4}(?!\d)",
    r"\+\d{1,3}(?:[-. ]?\(?\d{1,4}\)?){2,6}(?!\d)",
    r"\d{3}-\d{4}(?!\d|-)",
    r"1-8\d\d-(?:[A-Z]+|\d{3}-\d{4})(?!\w)",
)
PHONE = re.compile("|".join(_PHONES).replace(r"\1", r"\1"))


def month(text: str) -> str:
    """`Sept.` → september."""
    return next(name for name in MONTHS if name.startswith(text.lower().rstrip(".")[:3]))


def month_day(match: re.Match[str]) -> str | None:
    """`March 3, 2020` → march third twenty twenty."""
    name, day, of_year = match.groups()
    if not 1 <= int(day) <= 31:
        return None
    return f"{month(name)} {ordinal(int(day))}" + (f" {year(int(of_year))}" if of_year else "")


def month_year(match: re.Match[str]) -> str | None:
    """`March 2020` → march twenty twenty."""
    return f"{month(match.group(1))} {year(int(match.group(2)))}"


def day_month(match: re.Match[str], after_the: bool = False) -> str | None:
    """`3 March 2020` → the third of march twenty twenty."""
    day, name, of_year = match.groups()
    if not 1 <= int(day) <= 31:
        return None
    the = "" if after_the else "the "
    return f"{the}{ordinal(int(day))} of {month(name)}" + (f" {year(int(of_year))}" if of_year else "")


def iso_date(match: re.Match[str]) -> str | None:
    """`2019-10-12` → october twelfth twenty nineteen."""
    of_year, of_month, day, hour, minute = match.groups()
    said = full_date(int(of_year), int(of_month), int(day))
    return said and said + (f" {clock(int(hour), int(minute))}" if hour else "")


def slashed_date(match: re.Match[str]) -> str | None:
    """`10/12/2019` is October 12; with dots, or where that can't be, the day comes first."""
    first, sign, second, last = match.groups()
    short = len(last) == 2
    of_year = int(last) + (0 if not short else 1900 if int(last) >= 50 else 2000)
    one, two = int(first), int(second)
    if sign == "." and short:
        return None
    return full_date(of_year, two, one) if sign == "." or one > 12 else full_date(of_year, one, two)


def full_date(of_year: int, of_month: int, day: int) -> str | None:
    """Month, day, year; None where there is no such day."""
    if not (1 <= of_month <= 12 and 1 <= day <= 31):
        return None
    return f"{MONTHS[of_month - 1]} {ordinal(day)} {year(of_year)}"


def clock(hour: int, minute: int) -> str:
    """`9, 5` → nine oh five; full hours after noon are hundred hours."""
    if minute == 0:
        return f"{cardinal(hour)} hundred" if hour > 12 or hour == 0 else f"{cardinal(hour)} o'clock"
    return f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}"


def time_of_day(match: re.Match[str]) -> str | None:
    """`3:05 p.m.` → three oh five P M."""
    hour, minute, second, half = match.groups()
    said = cardinal(int(hour)) if half and int(minute) == 0 else clock(int(hour), int(minute))
    if second:
        said += f" and {cardinal(int(second))} second{'' if int(second) == 1 else 's'}"
    return said + (f" {half.upper()} M" if half else "")


def hour_of_day(match: re.Match[str]) -> str | None:
    """`3pm` → three P M."""
    return f"{cardinal(int(match.group(1)))} {match.group(2).upper()} M"


def phone(match: re.Match[str]) -> str | None:
    """Digit by digit; letters are spelled."""
    text = match.group()
    said = [
        digits(character) if character.isdecimal() else "plus" if character == "+" else character
        for character in text
        if character.isalnum() or character == "+"
    ]
    return " ".join(said).replace("one eight zero zero", "one eight hundred", 1)
