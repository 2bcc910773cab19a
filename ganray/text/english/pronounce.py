"""A spoken word → phonemes: lexicon, dictionary, homographs, endings and compounds, and at last its letters."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from ganray.text.english import homographs, morphology
from ganray.text.english.characters import fold, foreign
from ganray.text.english.dictionary import dictionary, to_symbols
from ganray.text.english.letters import sound_out
from ganray.text.english.spellings import unpronounceable
from ganray.text.symbols import is_vowel
from ganray.text.tables import words

Phonemes = tuple[str, ...]
_LETTERS = {
    "A": "ˈA", "B": "bˈi", "C": "sˈi", "D": "dˈi", "E": "ˈi", "F": "ˈɛf", "G": "ʤˈi", "H": "ˈAʧ", "I": "ˈI",
    "J": "ʤˈA", "K": "kˈA", "L": "ˈɛl", "M": "ˈɛm", "N": "ˈɛn", "O": "ˈO", "P": "pˈi", "Q": "kjˈu", "R": "ˈɑɹ",
    "S": "ˈɛs", "T": "tˈi", "U": "jˈu", "V": "vˈi", "W": "dˈʌbᵊljˌu", "X": "ˈɛks", "Y": "wˈI", "Z": "zˈi",
}  # fmt: skip
_OWN = {
    "com": "kˈɑm", "org": "ˈɔɹɡ", "wifi": "wˈIfˌI", "iphone": "ˈIfˌOn", "ipad": "ˈIpˌæd", "ios": "ˈIˌOˈɛs",
    "ebay": "ˈibˌA", "youtube": "jˈutˌub", "github": "ɡˈɪthˌʌb", "linkedin": "lˌɪŋktˈɪn", "covid": "kˈOvɪd",
    "json": "ʤˈAsᵊn", "yaml": "jˈæmᵊl", "jpeg": "ʤˈApˌɛɡ", "gif": "ɡˈɪf", "darpa": "dˈɑɹpə", "unicef": "jˈunəsˌɛf",
    "iot": "ˌIˌOtˈi", "macos": "mˈækˌOˈɛs", "kubernetes": "kˌubəɹnˈɛtiz", "hashtag": "hˈæʃtˌæɡ", "emoji": "imˈOʤi",
    "mister": "mˈɪstəɹ", "missus": "mˈɪsᵻz", "miz": "mˈɪz", "fifa": "fˈifə", "uefa": "juˈAfə", "ikea": "Ikˈiə",
    "asap": "ˈAsˌæp", "vs": "vˈɜɹsəs", "app": "ˈæp", "tv": "tˌivˈi", "gonna": "ɡˈʌnə", "ok": "OkˈA",
    "o'brien": "ObɹˈIən", "nvidia": "ɛnvˈɪdiə",    "chatgpt": "ʧˈætʤˌipˌitˈi", "openai": "ˈOpᵊnˌAˈI", "mp": "ˌɛmpˈi",
    "wikipedia": "wˌɪkəpˈidiə", "tiktok": "tˈɪktˌɑk",
    "spotify": "spˈɑɾəfˌI", "netflix": "nˈɛtflˌɪks", "uber": "ˈubəɹ", "airbnb": "ˈɛɹbˌiˌɛnbˈi", "paypal": "pˈApˌæl",
    "sars": "sˈɑɹz", "oled": "ˈOlˌɛd", "lol": "lˈɑl", "nasdaq": "nˈæzdˌæk", "etc": "ɛtsˈɛɾəɹə", "cetera": "sˈɛɾəɹə",
}  # fmt: skip
"""Words newer than the dictionary, and ones that it has wrong for speech."""
_AFTER_IMPERATIVE = words("the a an your my his her its our their it them this that these those up")
"""After one of these a sentence's first word is no name: *Polish the shoes*."""
_WEAK = {"a": "ə", "an": "ən", "and": "ænd", "or": "ɔɹ"}


class Pronouncer:
    """Words in their sentence → phonemes. A user's lexicon goes before everything."""

    def __init__(self, lexicon: Mapping[str, Phonemes] | None = None) -> None:
        self._lexicon = dict(lexicon or {})
        every = "|".join(sorted(map(_pattern, self._lexicon), key=len, reverse=True))
        self._own = re.compile(rf"(?<![\w])(?:{every})(?:['’]s)?(?!\w)") if every else None

    def knows(self, word: str) -> bool:
        """Whether the lexicon or the dictionary has the word, or can build it by an ending."""
        return word.lower() in self._lexicon or _known(word.lower())

    def has_own(self, text: str) -> bool:
        """Whether a word of the user's lexicon stands in the text."""
        return self._own is not None and self._own.search(text) is not None

    def own_words(self, text: str) -> Iterator[re.Match[str]]:
        """Where they stand."""
        return self._own.finditer(text) if self._own else iter(())

    def override(self, word: str) -> Phonemes | None:
        """The user's own pronunciation, also before `'s`."""
        if not self._lexicon:
            return None
        found = self._lexicon.get(word) or self._lexicon.get(word.lower())
        if found is None and word.lower().endswith("'s"):
            stem = self._lexicon.get(word[:-2]) or self._lexicon.get(word[:-2].lower())
            found = morphology.with_s(stem) if stem else None
        return found

    def say(self, word: str, written: str, before: Sequence[str], after: Sequence[str], final: bool) -> Phonemes:
        """One spoken word.

        Args:
            word: In lower case, or a capital letter that is spelled.
            written: As it stands in the text: capitals tell *Polish* from *polish*.
            before: The spoken words before it, nearest first.
            after: The spoken words after it, nearest first.
            final: Whether a pause or the end follows.
        """
        own = self.override(written) or self.override(word)
        if own:
            return own
        if len(word) == 1 and word in _LETTERS:
            return to_symbols(_LETTERS[word])
        if word in _WEAK:
            return to_symbols(_WEAK[word])
        special = homographs.special(word, before, after)
        if special:
            return to_symbols(special)
        if word in _OWN:
            return to_symbols(_OWN[word])
        imperative = not before and bool(after) and after[0] in _AFTER_IMPERATIVE
        entry = _entry(word, word if imperative else written)
        if isinstance(entry, dict):
            return to_symbols(homographs.choose(word, entry, before, after, final))
        return to_symbols(entry) if entry else unknown(word)

    def linked(self, word: str, phonemes: Phonemes, following: Phonemes) -> Phonemes:
        """*the* and *to* before a vowel and before a consonant."""
        if word not in ("the", "to") or self.override(word):
            return phonemes
        vowel = bool(following) and is_vowel(following[0])
        if word == "the":
            return ("ð", "i" if vowel else "ə")
        return ("t", "u" if vowel or not following else "ə")


def _pattern(word: str) -> str:
    """Capitals that matter as they are, everything else in any case."""
    escaped = re.escape(word).replace("'", "['’]")
    return escaped if len(word) > 1 and word.isupper() else f"(?i:{escaped})"


def _entry(word: str, written: str) -> object:
    known = dictionary()
    if written.lower() == word and not written.isupper() and (found := known.entry(written)):
        return found
    for form in (word, word.capitalize()):
        if found := known.entry(form):
            return found
    return known.name(word)


@lru_cache(1 << 14)
def _known(word: str) -> bool:
    return word in _OWN or word in dictionary() or morphology._inflected(word, _lookup) is not None


@lru_cache(1 << 14)
def _lookup(word: str) -> Phonemes | None:
    """A word without context, for building others from it."""
    if word in _OWN:
        return to_symbols(_OWN[word])
    entry = _entry(word, word)
    if isinstance(entry, dict):
        return to_symbols(str(entry.get("DEFAULT") or next(way for way in entry.values() if way)))
    return to_symbols(str(entry)) if entry else None


@lru_cache(1 << 14)
def unknown(word: str) -> Phonemes:
    """A word that no table has. Never empty for what has a letter."""
    plain = fold(word).lower()
    if plain != word and (found := _lookup(plain)):
        return found
    if not plain.isascii():
        said = foreign(word)
        parts = said.split()
        if parts and parts != [word] and all(part.isascii() for part in parts):
            return tuple(symbol for part in parts for symbol in _part(part))
        return ()
    letters = "".join(character for character in plain if character.isalpha() or character == "'").strip("'")
    if not letters:
        return ()
    derived = morphology.derive(letters, _lookup)
    if derived:
        return derived
    if letters.endswith("'s") and len(letters) > 2:
        return morphology.with_s(unknown(letters[:-2]))
    bare = letters.replace("'", "")
    if unpronounceable(bare):
        return tuple(symbol for letter in bare.upper() for symbol in to_symbols(_LETTERS[letter]))
    return sound_out(bare)


def _part(part: str) -> Phonemes:
    if len(part) == 1 and part in _LETTERS:
        return to_symbols(_LETTERS[part])
    return _lookup(part) or unknown(part)
