"""Words the dictionary lacks, from those it has: endings, beginnings, compounds."""

from collections.abc import Callable, Iterator

from ganray.text.symbols import VOWELS, is_vowel

Lookup = Callable[[str], tuple[str, ...] | None]
Phonemes = tuple[str, ...]
_SIBILANTS = frozenset(["s", "z", "ʃ", "ʒ", "tʃ", "dʒ"])
_VOICELESS = frozenset(["p", "t", "k", "f", "θ"])
_SUFFIXES: tuple[tuple[str, Phonemes], ...] = (
    ("lessness", ("l", "ə", "s", "n", "ə", "s")),
    ("fulness", ("f", "ə", "l", "n", "ə", "s")),
    ("ness", ("n", "ə", "s")),
    ("less", ("l", "ə", "s")),
    ("ment", ("m", "ə", "n", "t")),
    ("ship", ("ʃ", "ˌɪ", "p")),
    ("hood", ("h", "ˌʊ", "d")),
    ("like", ("l", "ˌaɪ", "k")),
    ("wise", ("w", "ˌaɪ", "z")),
    ("able", ("ə", "b", "ᵊ", "l")),
    ("ful", ("f", "ə", "l")),
    ("dom", ("d", "ə", "m")),
    ("ish", ("ɪ", "ʃ")),
    ("ism", ("ˌɪ", "z", "ᵊ", "m")),
    ("ist", ("ɪ", "s", "t")),
    ("ize", ("ˌaɪ", "z")),
    ("ise", ("ˌaɪ", "z")),
    ("ly", ("l", "i")),
    ("er", ("ə", "ɹ")),
    ("or", ("ə", "ɹ")),
    ("est", ("ə", "s", "t")),
    ("y", ("i",)),
)
_PREFIXES: tuple[tuple[str, Phonemes], ...] = (
    ("counter", ("k", "ˌaʊ", "n", "t", "ə", "ɹ")),
    ("super", ("s", "ˌu", "p", "ə", "ɹ")),
    ("hyper", ("h", "ˌaɪ", "p", "ə", "ɹ")),
    ("inter", ("ˌɪ", "n", "t", "ə", "ɹ")),
    ("under", ("ˌʌ", "n", "d", "ə", "ɹ")),
    ("micro", ("m", "ˌaɪ", "k", "ɹ", "oʊ")),
    ("multi", ("m", "ˌʌ", "l", "t", "i")),
    ("over", ("ˌoʊ", "v", "ə", "ɹ")),
    ("anti", ("ˌæ", "n", "t", "i")),
    ("semi", ("s", "ˌɛ", "m", "i")),
    ("non", ("n", "ˌɑ", "n")),
    ("mis", ("m", "ɪ", "s")),
    ("dis", ("d", "ɪ", "s")),
    ("pre", ("p", "ɹ", "ˌi")),
    ("sub", ("s", "ˌʌ", "b")),
    ("out", ("ˌaʊ", "t")),
    ("un", ("ˌʌ", "n")),
    ("re", ("ɹ", "ˌi")),
    ("co", ("k", "ˌoʊ")),
    ("de", ("d", "ˌi")),
)


def with_s(stem: Phonemes) -> Phonemes:
    """The plural, the third person, the possessive."""
    if stem[-1] in _SIBILANTS:
        return (*stem, "ᵻ", "z")
    return (*stem, "s" if stem[-1] in _VOICELESS else "z")


def with_ed(stem: Phonemes) -> Phonemes:
    """The past."""
    if stem[-1] in ("t", "d"):
        return (*_flapped(stem), "ᵻ", "d")
    return (*stem, "t" if stem[-1] in _VOICELESS or stem[-1] in _SIBILANTS - {"z", "ʒ", "dʒ"} else "d")


def with_ing(stem: Phonemes) -> Phonemes:
    """The participle."""
    return (*_flapped(stem), "ɪ", "ŋ")


def _flapped(stem: Phonemes) -> Phonemes:
    """American *t* between a vowel (or ɹ) and a vowel."""
    if len(stem) > 1 and stem[-1] == "t" and (is_vowel(stem[-2]) or stem[-2] == "ɹ"):
        return (*stem[:-1], "ɾ")
    return stem


def derive(word: str, lookup: Lookup) -> Phonemes | None:
    """A lower-case word from its parts, where `lookup` knows them."""
    return _inflected(word, lookup) or _suffixed(word, lookup) or _prefixed(word, lookup) or _compound(word, lookup)


def _first(stems: Iterator[str], lookup: Lookup) -> Phonemes | None:
    return next((found for stem in stems if len(stem) > 2 and (found := lookup(stem))), None)


def _inflected(word: str, lookup: Lookup) -> Phonemes | None:
    for apostrophe in ("'s", "s'"):
        if word.endswith(apostrophe) and (stem := lookup(word[: -len(apostrophe)])):
            return with_s(stem)
    for ending, build in (("s", with_s), ("ed", with_ed), ("ing", with_ing)):
        if word.endswith(ending) and not word.endswith("ss") and (stem := _first(_stems(word, ending), lookup)):
            return build(stem)
    if word.endswith("in'"):
        stem = _inflected(word[:-1] + "g", lookup) or lookup(word[:-1] + "g")
        return (*stem[:-1], "n") if stem else None
    return None


def _stems(word: str, ending: str) -> Iterator[str]:
    """What a word may have been before `ending`."""
    stem = word[: -len(ending)]
    if ending == "s":
        yield stem
        if stem.endswith("ie"):
            yield stem[:-2] + "y"
        if stem.endswith("e"):
            yield stem[:-1]
        return
    if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "sl":
        yield stem[:-1]
    if stem.endswith("i"):
        yield stem[:-1] + "y"
    yield stem + "e"
    yield stem
    if len(stem) > 3 and stem[-1] == stem[-2]:
        yield stem[:-1]


def _suffixed(word: str, lookup: Lookup) -> Phonemes | None:
    for suffix, said in _SUFFIXES:
        if not word.endswith(suffix) or len(word) - len(suffix) < 3:
            continue
        stem = word[: -len(suffix)]
        forms = [stem, stem[:-1] + "y"] if stem.endswith("i") else [stem]
        if suffix[0] in "aeioy":
            forms = [*forms, stem + "e"] + ([stem[:-1]] if stem[-1] == stem[-2] else [])
        elif suffix == "ly" and word.endswith("ably"):
            forms = [word[:-1] + "e"]
        if found := _first(iter(forms), lookup):
            if suffix == "ly" and word.endswith("ably"):
                return (*found[:-2], "l", "i")
            return (*(_flapped(found) if said[0].lstrip("ˌ") in VOWELS else found), *said)
    return None


def _prefixed(word: str, lookup: Lookup) -> Phonemes | None:
    for prefix, said in _PREFIXES:
        rest = word[len(prefix) :]
        if word.startswith(prefix) and len(rest) > 3:
            found = lookup(rest) or _inflected(rest, lookup) or _suffixed(rest, lookup)
            if found:
                return (*said, *found)
    return None


def _compound(word: str, lookup: Lookup) -> Phonemes | None:
    """Two words run together, the first stressed; the most even cut of those there are."""
    cuts = sorted(range(3, len(word) - 2), key=lambda cut: abs(2 * cut - len(word)))
    for cut in cuts:
        left, right = lookup(word[:cut]), lookup(word[cut:])
        if right is None and len(word) - cut > 3:
            right = _inflected(word[cut:], lookup)
        if left and right and any(is_vowel(symbol) for symbol in left):
            return (*left, *(symbol.replace("ˈ", "ˌ") for symbol in right))
    return None
