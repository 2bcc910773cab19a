"""Words that are said in two ways, told apart by their neighbours; where no rule is sure, the commoner way."""

from collections.abc import Mapping, Sequence

from ganray.text.tables import words

_BEFORE_VERB = words(
    "to will would can could should shall must may might cannot i you we they who let's please don't didn't doesn't "
    "won't can't couldn't wouldn't shouldn't i'll you'll we'll they'll he'll she'll it'll i'd you'd we'd they'd "
    "he'd she'd not never always often"
)
_BEFORE_NOUN = words(
    "the a an my your his her its our their this that these those some any no each every of in on for with by from at "
    "into about under over whose which another more most new old first last second great good bad little big many few"
)
_HAVE = words(
    "have has had having i've you've we've they've haven't hasn't hadn't be been being was were is are wasn't weren't "
    "he's she's it's"
)
_PAST = words("yesterday ago last once earlier already previously before then")
_FINAL = ("be", "been", "by", "can", "could", "will", "would", "there", "this", "these", "those", "through", "had")

_SPECIAL: dict[str, dict[str, str]] = {
    "read": {"present": "ɹˈid", "past": "ɹˈɛd"},
    "live": {"verb": "lˈɪv", "adjective": "lˈIv"},
    "lead": {"verb": "lˈid", "metal": "lˈɛd"},
    "wind": {"noun": "wˈɪnd", "verb": "wˈInd"},
    "close": {"verb": "klˈOz", "near": "klˈOs"},
    "use": {"verb": "jˈuz", "noun": "jˈus"},
    "used": {"verb": "jˈuzd", "habit": "jˈust"},
    "wound": {"injury": "wˈund", "wind": "wˈWnd"},
    "tear": {"drop": "tˈɪɹ", "rip": "tˈɛɹ"},
    "minute": {"time": "mˈɪnət", "tiny": "mInˈut"},
    "bass": {"music": "bˈAs", "fish": "bˈæs"},
    "bow": {"weapon": "bˈO", "bend": "bˈW"},
    "row": {"line": "ɹˈO", "quarrel": "ɹˈW"},
    "dove": {"bird": "dˈʌv", "dive": "dˈOv"},
    "lives": {"verb": "lˈɪvz", "noun": "lˈIvz"},
    "excuse": {"verb": "ɪkskjˈuz", "noun": "ɪkskjˈus"},
    "house": {"noun": "hˈWs", "verb": "hˈWz"},
    "does": {"verb": "dˈʌz"},
    "content": {"noun": "kˈɑntɛnt", "happy": "kəntˈɛnt"},
    "object": {"noun": "ˈɑbʤɛkt", "verb": "əbʤˈɛkt"},
    "present": {"noun": "pɹˈɛzᵊnt", "verb": "pɹəzˈɛnt"},
    "sewer": {"drain": "sˈuəɹ"},
}
_LIVE_THINGS = words(
    "music show shows concert concerts broadcast broadcasts stream streaming audience performance performances event "
    "events wire video tv television ammunition animals coverage band album recording bait feed oak chat demo updates"
)
_LEAD_THINGS = words("pipe pipes poisoning paint acid pencil pencils free oxide bullets shot crystal roof weights")
_NEAR_THINGS = words(
    "to by friend friends call up together enough relationship second range look contact relative attention proximity"
)
_TINY_THINGS = words("details detail amount amounts quantities quantity particles traces differences examination")


def choose(word: str, ways: Mapping[str, str | None], before: Sequence[str], after: Sequence[str], final: bool) -> str:
    """The dictionary's spelling of how `word` is said here.

    Args:
        word: In lower case.
        ways: The dictionary's {part of speech: phonemes}, with `DEFAULT`.
        before: The words before it in the sentence, lower case, nearest first.
        after: The words after it, nearest first.
        final: Whether a pause follows it.
    """
    if final and ways.get("None") and word in _FINAL:
        return str(ways["None"])
    verb, noun = _is_verb(before), _is_noun(before)
    if verb and ways.get("VERB"):
        return str(ways["VERB"])
    if noun and ways.get("NOUN"):
        return str(ways["NOUN"])
    return str(ways.get("DEFAULT") or next(way for way in ways.values() if way))


def special(word: str, before: Sequence[str], after: Sequence[str]) -> str | None:
    """The same for words that have rules of their own; None for all others."""
    ways = _SPECIAL.get(word)
    if ways is None:
        return None
    return ways[_sense(word, before, after)]


def _is_verb(before: Sequence[str]) -> bool:
    return bool(before) and before[0] in _BEFORE_VERB


def _is_noun(before: Sequence[str]) -> bool:
    return bool(before) and before[0] in _BEFORE_NOUN


def _sense(word: str, before: Sequence[str], after: Sequence[str]) -> str:
    previous, following = (before or [""])[0], (after or [""])[0]
    verb, noun = _is_verb(before), _is_noun(before)
    if word == "read":
        if previous in _HAVE or (len(before) > 1 and previous in ("never", "already", "just", "not", "ever", "also")
                                 and before[1] in _HAVE):  # fmt: skip
            return "past"
        helper = {"do", "did", "will", "would", "can", "could", "should", "does", "must", "may", "might", "to", "let"}
        if helper & set(before[:3]):
            return "present"
        if previous in ("he", "she", "it") or _PAST & {*before, *after}:
            return "past"
        return "present"
    if word == "live":
        if following in _LIVE_THINGS or previous in (
            "went",
            "goes",
            "go",
            "going",
            "streamed",
            "broadcast",
            "a",
            "the",
        ):
            return "adjective"
        return "verb"
    if word == "lead":
        return (
            "metal" if following in _LEAD_THINGS or (previous in ("of", "contains", "molten") and not after) else "verb"
        )
    if word == "wind":
        winding = following in ("up", "down") and not noun
        return "verb" if (verb and previous not in ("not", "never")) or winding else "noun"
    if word == "close":
        if following in _NEAR_THINGS and previous != "to":
            return "near"
        if previous in ("the", "a") and following in ("of", ""):
            return "verb"
        near = words(
            "so very too how as is was are were be quite pretty came come stay stayed stood sat a get gets got"
        )
        return "near" if previous in near or noun else "verb"
    if word == "use":
        return "noun" if (noun or previous in ("make", "made", "makes", "making")) and previous != "that" else "verb"
    if word == "used":
        be = words("is are was were be been being it's that's")
        return "habit" if following == "to" and previous not in be else "verb"
    if word == "wound":
        rule = following in ("up", "around", "down", "through", "its", "their", "round", "back", "tightly")
        return "wind" if rule and not noun else "injury"
    if word == "tear":
        return "rip" if verb or following in ("up", "apart", "down", "off", "it", "them") else "drop"
    if word == "minute":
        return "tiny" if following in _TINY_THINGS else "time"
    if word == "bass":
        return (
            "fish" if {"fish", "fishing", "caught", "lake", "striped", "sea"} & {*before[:3], *after[:3]} else "music"
        )
    if word == "bow":
        deep = {"head", "down", "heads", "before", "ship", "stern", "deeply"}
        return "bend" if verb or deep & {*after[:3], *before[:4]} else "weapon"
    if word == "row":
        return "line"
    if word == "dove":
        return (
            "dive" if previous in words("he she they we i it who") or following in ("into", "in", "under") else "bird"
        )
    if word == "lives":
        plain = words(
            "our their your my his her its the of many human these lost saved past people's several nine more"
        )
        return "noun" if previous in plain else "verb"
    if word == "excuse":
        return "noun" if noun else "verb"
    if word == "house":
        return (
            "verb" if previous in ("to", "can", "will", "could") and following in ("the", "them", "a", "up") else "noun"
        )
    if word == "content":
        happy = words("is was are were be feel felt quite perfectly not seemed seem very i'm more")
        return "happy" if previous in happy and following in ("", "with", "to", "and", "in", "here", "just") else "noun"
    if word == "object":
        return "verb" if verb or (following == "to" and not noun) else "noun"
    if word == "present":
        return "verb" if verb and previous not in ("not", "always", "never") else "noun"
    return next(iter(_SPECIAL[word]))
