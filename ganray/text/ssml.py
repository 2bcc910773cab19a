"""What the elements of the SSML subset may say, after W3C Speech Synthesis Markup Language 1.1."""

import math
import re
from collections.abc import Mapping

from ganray.errors import UsageError
from ganray.text.symbols import parse_phonemes
from ganray.text.utterance import Prosody

ALLOWED = "allowed are <speak> <p> <s> <break> <prosody> <say-as> <phoneme> <sub> and [[phonemes]]"
LONGEST_BREAK = 10.0
"""Seconds."""
STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.2}
RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
PITCHES = {"x-low": -6.0, "low": -3.0, "medium": 0.0, "default": 0.0, "high": 3.0, "x-high": 6.0}
VOLUMES = {"silent": -96.0, "x-soft": -12.0, "soft": -6.0, "medium": 0.0, "default": 0.0, "loud": 4.0, "x-loud": 8.0}
INTERPRETATIONS = {
    "cardinal": (), "number": (), "ordinal": (), "digits": (), "characters": (), "spell-out": (), "verbatim": (),
    "date": ("mdy", "dmy", "ymd", "ydm", "my", "md", "dm", "ym", "y"), "year": (), "time": ("hms12", "hms24"),
    "telephone": (), "fraction": (), "currency": (), "unit": (),
}  # fmt: skip


def check_break(attributes: Mapping[str, str], where: str) -> float:
    """The seconds of a break.

    Raises:
        UsageError: As all of these: the place, what is wrong, what is allowed.
    """
    _only(attributes, ("time", "strength"), "break", where)
    if "time" in attributes:
        found = re.fullmatch(r"\+?(\d+(?:\.\d*)?|\.\d+)(ms|s)", attributes["time"].strip())
        seconds = float(found.group(1)) / (1000 if found.group(2) == "ms" else 1) if found else math.inf
        if seconds > LONGEST_BREAK:
            raise _wrong(where, "time", attributes["time"], f"500ms or 1.5s, at most {LONGEST_BREAK:g}s")
        return seconds
    strength = attributes.get("strength", "medium")
    if strength not in STRENGTHS:
        raise _wrong(where, "strength", strength, ", ".join(STRENGTHS))
    return STRENGTHS[strength]


def check_prosody(attributes: Mapping[str, str], outer: Prosody, where: str) -> Prosody:
    """What holds inside a `<prosody>`: rates multiply, semitones and decibels add up."""
    _only(attributes, ("rate", "pitch", "volume"), "prosody", where)
    if not attributes:
        raise UsageError(f"{where}: <prosody> asks for nothing", mend="give it rate, pitch or volume")
    rate = outer.rate * (_rate(attributes["rate"], where) if "rate" in attributes else 1.0)
    pitch = outer.pitch + (_pitch(attributes["pitch"], where) if "pitch" in attributes else 0.0)
    volume = outer.volume + (_volume(attributes["volume"], where) if "volume" in attributes else 0.0)
    for name, value, low, high in (("rate", rate, 0.25, 4), ("pitch", pitch, -24, 24), ("volume", volume, -200, 24)):
        if not low <= value <= high:
            raise UsageError(f"{where}: {name} comes to {value:g}", mend=f"it goes from {low:g} to {high:g}")
    return Prosody(rate, pitch, volume)


def check_phoneme(attributes: Mapping[str, str], where: str) -> None:
    """`<phoneme alphabet="ipa" ph="…">`."""
    _only(attributes, ("alphabet", "ph"), "phoneme", where)
    if attributes.get("alphabet", "ipa") != "ipa":
        raise _wrong(where, "alphabet", attributes["alphabet"], "ipa")
    parse_phonemes(_needed(attributes, "ph", "phoneme", where), where)


def check_sub(attributes: Mapping[str, str], where: str) -> None:
    """`<sub alias="…">`."""
    _only(attributes, ("alias",), "sub", where)
    if not _needed(attributes, "alias", "sub", where).strip():
        raise _wrong(where, "alias", "", "what is to be said")


def check_say_as(attributes: Mapping[str, str], where: str) -> None:
    """`<say-as interpret-as="…" format="…">`."""
    _only(attributes, ("interpret-as", "format", "detail"), "say-as", where)
    kind = _needed(attributes, "interpret-as", "say-as", where)
    if kind not in INTERPRETATIONS:
        raise _wrong(where, "interpret-as", kind, ", ".join(INTERPRETATIONS))
    form = attributes.get("format", "")
    if form and form not in INTERPRETATIONS[kind]:
        raise _wrong(where, "format", form, ", ".join(INTERPRETATIONS[kind]) or f"nothing with {kind}")


def _rate(value: str, where: str) -> float:
    if value in RATES:
        return RATES[value]
    found = re.fullmatch(r"([+-]?)(\d+(?:\.\d+)?)(%?)", value)
    if found is None or (found.group(1) and not found.group(3)):
        raise _wrong(where, "rate", value, f"80%, +20%, 1.2, {', '.join(RATES)}")
    number = float(found.group(2)) / (100 if found.group(3) else 1)
    return 1 + number if found.group(1) == "+" else 1 - number if found.group(1) == "-" else number


def _pitch(value: str, where: str) -> float:
    if value in PITCHES:
        return PITCHES[value]
    semitones = re.fullmatch(r"([+-]\d+(?:\.\d+)?)st", value)
    if semitones:
        return float(semitones.group(1))
    share = re.fullmatch(r"([+-]\d+(?:\.\d+)?)%", value)
    if share is None or float(share.group(1)) <= -100:
        raise _wrong(where, "pitch", value, f"+2st, -10%, {', '.join(PITCHES)}")
    return 12 * math.log2(1 + float(share.group(1)) / 100)


def _volume(value: str, where: str) -> float:
    if value in VOLUMES:
        return VOLUMES[value]
    found = re.fullmatch(r"([+-]?\d+(?:\.\d+)?)dB", value)
    if found is None:
        raise _wrong(where, "volume", value, f"+6dB, -3dB, {', '.join(VOLUMES)}")
    return float(found.group(1))


def _only(attributes: Mapping[str, str], allowed: tuple[str, ...], name: str, where: str) -> None:
    wrong = next((key for key in attributes if key not in allowed), None)
    if wrong:
        raise UsageError(f"{where}: <{name}> has no {wrong}", mend=f"it has {', '.join(allowed)}")


def _needed(attributes: Mapping[str, str], key: str, name: str, where: str) -> str:
    if key not in attributes:
        raise UsageError(f"{where}: <{name}> without {key}", mend=f'write <{name} {key}="…">')
    return attributes[key]


def _wrong(where: str, key: str, value: str, allowed: str) -> UsageError:
    return UsageError(f"{where}: {key} {value!r}", mend=f"allowed: {allowed}")
