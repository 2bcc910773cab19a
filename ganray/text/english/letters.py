"""Letters → sounds for words that nothing else knows: a joint n-gram model (Bisani and Ney, 2008).

A word is a chain of units, each one letter with the zero to two phonemes it stands for; the chain's probability is an
n-gram's with Witten-Bell interpolation. `tools/letter_to_sound.py` learns the counts from the dictionary.
"""

import importlib.resources
import lzma
import math
from collections import defaultdict
from functools import lru_cache

from ganray.text.symbols import is_vowel

BEAM = 16
START, END = "\x01", "\x02"
"""The unit before the first letter and the one after the last."""
FILE = "letter_to_sound.xz"


class LetterToSound:
    """The model.

    Args:
        units: (Letter, phonemes), the unit's code being `chr(32 + index)`.
        counts: How often each n-gram of codes was seen, shorter n-grams included.
    """

    def __init__(self, units: list[tuple[str, tuple[str, ...]]], counts: dict[str, int]) -> None:
        self.units, self._counts = units, counts
        self._codes: dict[str, list[str]] = defaultdict(list)
        for index, (letter, _) in enumerate(units):
            self._codes[letter].append(chr(32 + index))
        self._totals: dict[str, int] = defaultdict(int)
        self._kinds: dict[str, int] = defaultdict(int)
        for gram, count in counts.items():
            self._totals[gram[:-1]] += count
            self._kinds[gram[:-1]] += 1
        self._order = max(map(len, counts))

    def __call__(self, word: str) -> tuple[str, ...]:
        """The most probable phonemes of a word of the letters a to z."""
        beam = [(0.0, START)]
        for letter in word:
            found = [
                (score + self._log(chain, code), chain + code)
                for score, chain in beam
                for code in self._codes.get(letter, ())
            ]
            beam = sorted(found, reverse=True)[:BEAM] or beam
        ended = sorted(((score + self._log(chain, END), chain) for score, chain in beam), reverse=True)
        said = [self._said(chain) for _, chain in ended]
        return next((one for one in said if sum("ˈ" in symbol for symbol in one) == 1), stressed_once(said[0]))

    def _said(self, chain: str) -> tuple[str, ...]:
        return tuple(symbol for code in chain[1:] for symbol in self.units[ord(code) - 32][1])

    def _log(self, chain: str, code: str) -> float:
        probability = 1.0 / (len(self.units) + 1)
        for length in range(min(self._order, len(chain) + 1)):
            history = chain[len(chain) - length :]
            total = self._totals.get(history)
            if total is None:
                break
            kinds = self._kinds[history]
            probability = (self._counts.get(history + code, 0) + kinds * probability) / (total + kinds)
        return math.log(probability)


def stressed_once(phonemes: tuple[str, ...]) -> tuple[str, ...]:
    """One primary stress: the first there is, or else on the first full vowel."""
    stressed = [index for index, symbol in enumerate(phonemes) if symbol.startswith("ˈ")]
    full = [index for index, symbol in enumerate(phonemes) if is_vowel(symbol) and symbol not in ("ə", "ᵊ", "ᵻ")]
    if not stressed and not full:
        return phonemes
    main = stressed[0] if stressed else full[0]
    said = [symbol.replace("ˈ", "ˌ") for symbol in phonemes]
    said[main] = "ˈ" + said[main].lstrip("ˌ")
    return tuple(said)


@lru_cache
def model() -> LetterToSound:
    """The one that comes with ganray; read when the first unknown word is met."""
    packed = importlib.resources.files("ganray.text.english").joinpath(FILE).read_bytes()
    return unpack(packed)


def sound_out(word: str) -> tuple[str, ...]:
    """The phonemes of an unknown word of the letters a to z; never empty."""
    said = model()(word)
    return said if any(is_vowel(symbol) for symbol in said) else ("ə", *said)


def pack(units: list[tuple[str, tuple[str, ...]]], counts: dict[str, int]) -> bytes:
    """The file's bytes: units, then n-grams in order, each without what it shares with the one before."""
    lines = [str(len(units)), *(f"{letter} {' '.join(said)}" for letter, said in units)]
    previous = ""
    for gram in sorted(counts):
        shared = 0
        while shared < min(len(gram), len(previous)) and gram[shared] == previous[shared]:
            shared += 1
        lines.append(f"{chr(48 + shared)}{gram[shared:]}\t{counts[gram]}")
        previous = gram
    return lzma.compress("\n".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME)


def unpack(packed: bytes) -> LetterToSound:
    """The inverse of `pack`."""
    lines = lzma.decompress(packed).decode().split("\n")
    many = int(lines[0])
    units = [(line[0], tuple(line[2:].split())) for line in lines[1 : many + 1]]
    counts, previous = {}, ""
    for line in lines[many + 1 :]:
        rest, _, count = line[1:].rpartition("\t")
        previous = previous[: ord(line[0]) - 48] + rest
        counts[previous] = int(count)
    return LetterToSound(units, counts)
