"""What is neither an English word nor a number: signs, emoji, other scripts."""

import re
import unicodedata
from functools import lru_cache

from ganray.text.english.numbers import cardinal
from ganray.text.english.units import SIGNS

_LATIN = str.maketrans(
    {
        "ß": "ss", "ẞ": "SS", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L",
        "đ": "d", "Đ": "D", "ð": "th", "Ð": "Th", "þ": "th", "Þ": "Th", "ı": "i", "ħ": "h", "Ħ": "H", "ŋ": "ng",
        "Ŋ": "Ng", "ĸ": "k", "ſ": "s", "ə": "e", "Ə": "E", "’": "'", "ʼ": "'", "ʻ": "'",
    }
)  # fmt: skip
_CYRILLIC_LETTERS = "а б в г д е ё ж з и й к л м н о п р с т у ф х ц ч ш щ ъ ы ь э ю я і ї є ґ ў љ њ ћ ђ џ ј"
_CYRILLIC_SOUNDS = (
    "a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya i yi ye g w ly ny ch j j y"
)
_CYRILLIC = dict(zip(_CYRILLIC_LETTERS.split(), _CYRILLIC_SOUNDS.split(), strict=True))
_GREEK_LETTERS = "α β γ δ ε ζ η θ ι κ λ μ ν ξ ο π ρ σ ς τ υ φ χ ψ ω"
_GREEK_SOUNDS = "a v g d e z i th i k l m n x o p r s s t i f ch ps o"
_GREEK = dict(zip(_GREEK_LETTERS.split(), _GREEK_SOUNDS.split(), strict=True))
_EMOJI = {
    "❤": "red heart", "😂": "laughing with tears", "👍": "thumbs up", "👎": "thumbs down", "🙏": "folded hands",
    "😀": "grinning face", "😊": "smiling face", "😍": "heart eyes", "🎉": "party popper", "🔥": "fire",
    "💯": "hundred points", "😢": "crying face", "😭": "sobbing face", "😎": "cool face", "🤔": "thinking face",
    "👏": "clapping hands", "✨": "sparkles", "🚀": "rocket", "✅": "check mark", "❌": "cross mark", "⚠": "warning",
    "😉": "winking face", "🙂": "smiling face", "🙁": "frowning face", "☀": "sun", "⭐": "star", "☺": "smiling face",
    "☕": "coffee", "🐍": "snake", "👋": "waving hand", "💪": "flexed biceps", "🤷": "shrug", "🎶": "music notes",
    "💔": "broken heart", "♥": "heart", "☎": "telephone", "✌": "victory hand", "✔": "check mark", "♀": "female sign",
    "♂": "male sign",
}  # fmt: skip
_SILENT = re.compile("[\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U0001f3fb-\U0001f3ff\u20e3]")
_NAME = re.compile(r".*\b(?:LETTER|SYLLABLE|LIGATURE|RADICAL|SIGN|CHARACTER|HIEROGLYPH) (.+)$")


def fold(text: str) -> str:
    """Latin letters without their accents; other characters as they are."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKD", text.translate(_LATIN)).translate(_LATIN)
    return "".join(character for character in text if not unicodedata.combining(character))


def is_speakable(character: str) -> bool:
    """Letters, numbers and symbols are said; marks, space, controls and unassigned code points are not."""
    return unicodedata.category(character) in _SPEAKABLE and not _SILENT.match(character)


_SPEAKABLE = frozenset(["Lu", "Ll", "Lt", "Lo", "Nd", "Nl", "No", "So", "Sm", "Sc"])


def foreign(text: str) -> str:
    """A run of letters of other scripts, as words: transliterated, or by the names of its characters."""
    lower = text.lower()
    for table in (_CYRILLIC, _GREEK):
        if len(text) > 1 and all(fold(character) in table or character in table for character in lower):
            said = "".join(table.get(character, table.get(fold(character), "")) for character in lower)
            if said.strip("_"):
                return said.replace("_", "")
    names: list[str] = []
    run = ""
    for character in unicodedata.normalize("NFC", text):
        name = unicodedata.name(character, "")
        if name.startswith(("HANGUL SYLLABLE", "HIRAGANA LETTER", "KATAKANA LETTER")):
            run += name.split()[-1].lower()
            continue
        names += [run, spell(character)]
        run = ""
    return " ".join(word for word in [*names, run] if word)


@lru_cache(4096)
def spell(character: str) -> str:
    """One character by a name of its own, in words and spelled letters; nothing for what is silent."""
    if character in _EMOJI:
        return _EMOJI[character]
    if character in SIGNS:
        return SIGNS[character]
    if not is_speakable(character):
        return ""
    plain = unicodedata.normalize("NFKC", character)
    if plain != character and plain.isascii() and plain.isalnum():
        return cardinal(int(plain)) if plain.isdecimal() else " ".join(plain.upper())
    name = unicodedata.name(character, "")
    if "1F1E6" <= f"{ord(character):05X}" <= "1F1FF":
        return name[-1]
    if "IDEOGRAPH" in name:
        return "chinese character"
    found = _NAME.match(name)
    words = re.sub(r"[^A-Z0-9]+", " ", found.group(1) if found and unicodedata.category(character)[0] == "L" else name)
    said = [_name_word(word) for word in words.split() if word not in ("CAPITAL", "SMALL", "MODIFIER")]
    return " ".join(said) or "unknown character"


def _name_word(word: str) -> str:
    if word.isdecimal():
        return cardinal(int(word)) if len(word) < 4 else " ".join(cardinal(int(digit)) for digit in word)
    if any(character.isdecimal() for character in word):
        return " ".join(cardinal(int(one)) if one.isdecimal() else one for one in word)
    return word if len(word) == 1 else word.lower()


def emoji(text: str) -> str:
    """A run of symbols: each said once in a row; a flag is its country's letters."""
    said: list[str] = []
    previous = ""
    for character in _SILENT.sub("", text):
        word = spell(character)
        if "\U0001f1e6" <= character <= "\U0001f1ff":
            said += [word] if previous == "flag" else ["flag", word]
            previous = "flag" if previous != "flag" else ""
            continue
        if word and word != previous:
            said.append(word)
        previous = word
    return " ".join(said)
