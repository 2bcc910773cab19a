"""English abbreviations: how they are said, and whether their full stop can end a sentence."""

import re

from ganray.text.tables import words

TITLES = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "messrs": "messers", "mx": "mix", "dr": "doctor",
    "prof": "professor", "st": "saint", "gen": "general", "sen": "senator", "rep": "representative",
    "gov": "governor", "capt": "captain", "lt": "lieutenant", "col": "colonel", "sgt": "sergeant", "cpl": "corporal",
    "maj": "major", "cmdr": "commander", "adm": "admiral", "rev": "reverend", "hon": "honorable", "pres": "president",
    "supt": "superintendent", "fr": "father", "mme": "madame", "mlle": "mademoiselle", "pvt": "private",
}  # fmt: skip
"""Before a name; their full stop never ends a sentence."""
INNER = {
    "vs": "versus", "e.g": "for example", "i.e": "that is", "cf": "compare", "viz": "namely", "approx": "approximately",
    "fig": "figure", "figs": "figures", "vol": "volume", "vols": "volumes", "ch": "chapter", "sec": "section",
    "eq": "equation", "ed": "edition", "eds": "editors", "no": "number", "nos": "numbers", "art": "article",
    "p": "page", "pp": "pages", "ca": "circa", "c": "circa", "incl": "including", "est": "established",
    "mt": "mount", "ft": "fort", "al": "al", "v": "versus", "ext": "extension", "tel": "telephone",
}  # fmt: skip
"""Inside a sentence; some only before a number or a name, which `needs` says."""
LAST = {
    "etc": "et cetera", "inc": "incorporated", "ltd": "limited", "co": "company", "corp": "corporation",
    "bros": "brothers", "jr": "junior", "sr": "senior", "esq": "esquire", "dept": "department", "univ": "university",
    "assn": "association", "ave": "avenue", "blvd": "boulevard", "rd": "road", "ln": "lane", "sq": "square",
    "pl": "place", "hwy": "highway", "apt": "apartment", "bldg": "building", "govt": "government",
    "jan": "january", "feb": "february", "mar": "march", "apr": "april", "jun": "june", "jul": "july",
    "aug": "august", "sep": "september", "sept": "september", "oct": "october", "nov": "november", "dec": "december",
    "mon": "monday", "tue": "tuesday", "tues": "tuesday", "wed": "wednesday", "thu": "thursday", "thur": "thursday",
    "thurs": "thursday", "fri": "friday", "sat": "saturday", "sun": "sunday",
    "misc": "miscellaneous", "min": "minutes", "max": "maximum", "temp": "temperature", "hr": "hour", "hrs": "hours",
    "mins": "minutes", "secs": "seconds", "yr": "year", "yrs": "years", "mo": "month", "wk": "week", "wks": "weeks",
    "calif": "california", "mass": "massachusetts", "conn": "connecticut", "penn": "pennsylvania", "ill": "illinois",
    "fla": "florida", "ariz": "arizona", "colo": "colorado", "mich": "michigan", "minn": "minnesota",
    "tenn": "tennessee", "tex": "texas", "wis": "wisconsin", "okla": "oklahoma", "ont": "ontario",
}  # fmt: skip
"""May end a sentence."""
LETTERED = {
    "a.m": "A M", "p.m": "P M", "u.s": "U S", "u.s.a": "U S A", "u.k": "U K", "u.n": "U N", "e.u": "E U",
    "d.c": "D C", "ph.d": "P H D", "m.d": "M D", "b.a": "B A", "m.a": "M A", "b.sc": "B S C", "m.sc": "M S C",
    "b.c": "B C", "a.d": "A D", "b.c.e": "B C E", "c.e": "C E", "r.i.p": "R I P", "p.s": "P S", "a.k.a": "A K A",
    "r.s.v.p": "R S V P", "l.a": "L A", "n.y": "N Y", "w.h.o": "W H O",
}  # fmt: skip
BEFORE_NUMBER = words("no nos p pp fig figs vol vols ch sec eq art ext est c ca ed tel approx")
"""These are abbreviations only when a number follows: `no.` and `art.` are words too."""
WORDS_TOO = words(
    "mar jun sun sat wed mon fri min max mass ill co inc sec no art p c v al ed mo pl gen rep col hon fr est mt ft "
    "ch wis ont tex conn temp"
)
"""Spellings that without their full stop are something else."""
STARTERS = words(
    "the he she it they we i you but and in on at this that these those there then when while after before if as so "
    "for my his her their our your its a an what who where why how however yet no not all some one two many most "
    "both each every here now once even although though since because with from by of to let do did does is are was "
    "were have has had will would can could should may might"
)
"""Words whose capital means a new sentence, not a name."""


def ends_sentence(word: str, before: str, following: str) -> bool:
    """Whether the full stop after `word` ends a sentence.

    Args:
        word: The letters right before the full stop, which itself is left out.
        before: The sentence so far, `word` included.
        following: What comes next, from its first letter on.
    """
    lower = word.lower().strip("'’")
    capital = following[:1].isupper()
    digit = following[:1].isdigit()
    starter = (re.match(r"[A-Za-z]+", following) or [""])[0].lower() in STARTERS
    if lower in TITLES and lower != "st":
        return not (capital or digit) or (lower in WORDS_TOO and word.islower())
    if lower == "st":
        return _street(before) and (starter or digit)
    if lower in BEFORE_NUMBER:
        return not digit and not (lower in ("p", "c", "fig", "vol", "ca") and not starter)
    if lower in INNER:
        return lower in ("no", "art", "est", "ed", "al") or (lower in ("v", "ft", "mt") and starter)
    if lower in LAST:
        return starter or (lower in WORDS_TOO and word.islower()) or not (capital or digit)
    if lower in LETTERED or re.fullmatch(r"(?:[A-Za-z]\.)+[A-Za-z]", word):
        return starter or (lower in ("a.m", "p.m") and capital and not re.match(r"\w+day\b|[A-Z]{2,4}\b", following))
    if re.fullmatch(r"[A-Z]", word):
        return starter or not (capital or digit) or word == "I"
    return True


def _street(before: str) -> bool:
    """Whether a closing `St` follows a name, and so is a street."""
    return re.search(r"(?:\d\w*|[A-Z][a-z]+)\s+St$", before) is not None
