"""The English phoneme inventory: what a text voice has an embedding for, in this order, for ever.

Broad General American in the International Phonetic Alphabet, one symbol a sound. Stress belongs to the vowel
(`ˈoʊ` primary, `ˌoʊ` secondary), so every symbol but the marks lasts some time.
"""

import difflib
from collections.abc import Sequence

from ganray.errors import UsageError

PAD = "_"
BOUNDARY = " "
"""Between two words with no punctuation."""
BREAK = "‖"
"""A pause that was asked for; its seconds stand in `Word.pause`."""
MARKS = (",", ".", "?", "!", ";", ":", "—", "…")
_CONSONANTS = "p b t d k ɡ f v θ ð s z ʃ ʒ h m n ŋ l ɹ w j tʃ dʒ ɾ ʔ"
_VOWELS = "ə ɪ i ɛ æ ɑ ɔ u ʊ ʌ ɜ eɪ aɪ aʊ oʊ ɔɪ"
CONSONANTS = tuple(_CONSONANTS.split())
VOWELS = tuple(_VOWELS.split())
REDUCED = ("ᵊ", "ᵻ")
"""ᵊ: the hint of a vowel in *button*, *little*. ᵻ: between ə and ɪ, in *roses*, *wanted*. Never stressed."""
STRESS = ("", "ˈ", "ˌ")
SYMBOLS = (
    PAD,
    BOUNDARY,
    BREAK,
    *MARKS,
    *CONSONANTS,
    *REDUCED,
    *(stress + vowel for stress in STRESS for vowel in VOWELS),
)
SPOKEN = frozenset(SYMBOLS) - {PAD, BOUNDARY, BREAK, *MARKS}
"""The symbols that are sounds."""

_ALIASES = {
    "r": ("ɹ",),
    "g": ("ɡ",),
    "ʤ": ("dʒ",),
    "ʧ": ("tʃ",),
    "ɚ": ("ə", "ɹ"),
    "ɝ": ("ɜ", "ɹ"),
    "ɫ": ("l",),
    "ɐ": ("ə",),
    "e": ("ɛ",),
    "o": ("oʊ",),
    "a": ("ɑ",),
}
_BARE_IN_ORDER = (*CONSONANTS, *VOWELS, *REDUCED)
_IGNORED = "ː.‿͡"
_BARE = sorted({*CONSONANTS, *VOWELS, *REDUCED, *_ALIASES}, key=len, reverse=True)


def is_vowel(symbol: str) -> bool:
    """Whether `symbol` is the heart of a syllable."""
    return symbol.lstrip("ˈˌ") in VOWELS or symbol in REDUCED


def parse_phonemes(text: str, where: str) -> tuple[str, ...]:
    """Phonemes as a person writes them: `h ə l ˈoʊ`, `həlˈoʊ` or `hə.ˈloʊ` (a mark moves on to its syllable's vowel).

    Args:
        text: IPA, with spaces between the symbols or without.
        where: What to call the place in an error: `lexicon.tsv line 3`.

    Raises:
        UsageError: A symbol that isn't in the inventory, with its place and the nearest one; or none at all.
    """
    found: list[str] = []
    stress, at = "", 0
    while at < len(text):
        if text[at] in "ˈˌ'":
            stress = "ˌ" if text[at] == "ˌ" else "ˈ"
            at += 1
            continue
        if text[at].isspace() or text[at] in _IGNORED:
            at += 1
            continue
        symbol = next((bare for bare in _BARE if text.startswith(bare, at)), None)
        if symbol is None:
            raise UsageError(
                f"{where}: unknown phoneme {text[at]!r} at character {at + 1} of {text!r}",
                mend=f"the nearest is {_nearest(text[at])!r}; all of them: {' '.join(_BARE_IN_ORDER)}",
            )
        for part in _ALIASES.get(symbol, (symbol,)):
            carries = stress and part in VOWELS
            found.append(stress + part if carries else part)
            stress = "" if carries else stress
        at += len(symbol)
    if not found:
        raise UsageError(f"{where}: no phonemes in {text!r}", mend="write them like this: h ə l ˈoʊ")
    return tuple(found)


_LOOKS_LIKE = {
    "y": "j", "c": "k", "x": "k", "q": "k", "ʃ̩": "ʃ", "ɒ": "ɑ", "ʁ": "ɹ", "ʀ": "ɹ", "ɾ̃": "ɾ", "ʋ": "v", "β": "b",
    "ç": "h", "ɲ": "n", "ʎ": "l", "ɥ": "w", "ø": "ɜ", "œ": "ɜ", "ɘ": "ə", "ɵ": "ʊ", "ʉ": "u", "ɯ": "u", "ɨ": "ᵻ",
    "S": "ʃ", "Z": "ʒ", "T": "θ", "D": "ð", "N": "ŋ", "A": "ɑ", "E": "ɛ", "I": "ɪ", "O": "ɔ", "U": "ʊ", "V": "ʌ",
    "@": "ə", "{": "æ", "3": "ɜ", "ɣ": "ɡ", "ʍ": "w", "ɱ": "m",
}  # fmt: skip


def _nearest(character: str) -> str:
    if character in _LOOKS_LIKE:
        return _LOOKS_LIKE[character]
    close: Sequence[str] = difflib.get_close_matches(character.lower(), _BARE, n=1, cutoff=0.0)
    return close[0] if close else "ə"
