"""Makes `ganray/text/english/names.xz`: the words of CMUdict, mostly names, that the dictionary lacks.

    python tools/names.py cmudict.dict

CMUdict is Carnegie Mellon University's (BSD-2-Clause); the file is https://github.com/cmusphinx/cmudict.
Its licence goes with what is made of it: `ganray/text/english/names.LICENSE`.
"""

import argparse
import lzma
import re
from pathlib import Path

from ganray.text.english import dictionary as dictionaries

_SOUNDS = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "W", "AY": "I", "EH": "ɛ", "ER": "ɜɹ", "EY": "A", "IH": "ɪ",
    "IY": "i", "OW": "O", "OY": "Y", "UH": "ʊ", "UW": "u", "B": "b", "CH": "ʧ", "D": "d", "DH": "ð", "F": "f",
    "G": "ɡ", "HH": "h", "JH": "ʤ", "K": "k", "L": "l", "M": "m", "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s",
    "SH": "ʃ", "T": "t", "TH": "θ", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
_VOWEL = re.compile("[aeiouy]")
"""Without one CMUdict has letters spelled, which is a matter of rules here."""
_UNSTRESSED = {"AH": "ə", "ER": "əɹ"}


def spelled(arpabet: str) -> str:
    """`P AO1 L` → pˈɔl, in the dictionary's spelling."""
    sounds = arpabet.split()
    said = ""
    for index, sound in enumerate(sounds):
        following = sounds[index + 1] if index + 1 < len(sounds) else ""
        if sound[-1].isdigit():
            bare, stress = sound[:-1], sound[-1]
            said += {"1": "ˈ", "2": "ˌ", "0": ""}[stress] + (
                _UNSTRESSED.get(bare, _SOUNDS[bare]) if stress == "0" else _SOUNDS[bare]
            )
        elif sound == "T" and index and sounds[index - 1][-1].isdigit() and following.endswith("0"):
            said += "ɾ"  # American: water, Betty
        else:
            said += _SOUNDS[sound]
    return said[:-2] + "ᵊl" if said.endswith("əl") else said


def main() -> None:
    """Reads, leaves out what is known, writes."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("cmudict", type=Path)
    known = dictionaries.Dictionary()
    lines = []
    for line in arguments.parse_args().cmudict.read_text(encoding="utf-8").splitlines():
        word, _, sounds = line.split("#")[0].strip().partition(" ")
        if (
            _VOWEL.search(word[:-1])
            and word.isalpha()
            and word.isascii()
            and len(word) > 2
            and known.spelling(word, names=False) is None
        ):
            lines.append(f"{word} {spelled(sounds)}")
    packed = lzma.compress("\n".join(sorted(lines)).encode(), preset=9 | lzma.PRESET_EXTREME)
    (Path(dictionaries.__file__).parent / dictionaries.NAMES).write_bytes(packed)
    print(f"{len(lines):,} words, {len(packed):,} bytes")


if __name__ == "__main__":
    main()
