"""Learns `ganray/text/english/letter_to_sound.xz` from the dictionary: minutes on one core.

    python tools/letter_to_sound.py [--out FILE] [--held-out 0.02]

Letters and phonemes are aligned by hard expectation maximisation, each letter to zero, one or two phonemes; units'
n-grams are counted and rare long ones dropped. Prints the error on words held out.
"""

import argparse
import math
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ganray.text.english import letters
from ganray.text.english.dictionary import dictionary, to_symbols

ORDER = 7
RARE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 5, 6: 8, 7: 10}
"""How often an n-gram of each length must have been seen."""
Pair = tuple[str, tuple[str, ...]]


def pairs() -> Iterator[Pair]:
    """All words of the dictionary that are letters only, in lower case."""
    known = dictionary()
    seen = set()
    for table in (known._gold, known._silver, known._names):
        for word, entry in table.items():
            said = entry.get("DEFAULT") if isinstance(entry, dict) else entry
            plain = word.lower()
            if (
                said
                and plain.isascii()
                and plain.isalpha()
                and len(word) > 1
                and not word.isupper()
                and plain not in seen
            ):
                seen.add(plain)
                yield plain, to_symbols(said)


def align(pair: Pair, costs: dict[tuple[str, tuple[str, ...]], float], unseen: float) -> list[Pair] | None:
    """The cheapest way to give each letter its phonemes."""
    word, said = pair
    rows: list[dict[int, tuple[float, int]]] = [{0: (0.0, 0)}]
    for letter in word:
        row: dict[int, tuple[float, int]] = {}
        for at, (cost, _) in rows[-1].items():
            for size in (0, 1, 2):
                if at + size > len(said):
                    break
                unit = (letter, said[at : at + size])
                total = cost + costs.get(unit, unseen + 2 * (size != 1))
                if at + size not in row or total < row[at + size][0]:
                    row[at + size] = (total, at)
        rows.append(row)
    if len(said) not in rows[-1]:
        return None
    units, at = [], len(said)
    for index in range(len(word), 0, -1):
        before = rows[index][at][1]
        units.append((word[index - 1], said[before:at]))
        at = before
    return units[::-1]


def main() -> None:
    """Aligns, counts, measures, writes."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, default=Path(letters.__file__).parent / letters.FILE)
    arguments.add_argument("--held-out", type=float, default=0.02)
    given = arguments.parse_args()
    words = list(pairs())
    random.Random(0).shuffle(words)
    held = words[: int(len(words) * given.held_out)]
    train = words[len(held) :]
    costs: dict[tuple[str, tuple[str, ...]], float] = {}
    for portion in (20_000, 20_000, 40_000, 40_000, len(train)):
        counted = Counter(unit for pair in train[:portion] for unit in align(pair, costs, 12.0) or ())
        total = sum(counted.values())
        costs = {unit: -math.log(count / total) for unit, count in counted.items()}
        print(portion, "words,", len(costs), "units", file=sys.stderr)
    kept = {unit for unit, count in counted.items() if count >= 20}
    inventory = sorted(kept)
    code = {unit: chr(32 + index) for index, unit in enumerate(inventory)}
    grams: Counter[str] = Counter()
    for pair in train:
        units = align(pair, costs, 12.0)
        if units is None or any(unit not in kept for unit in units):
            continue
        chain = letters.START + "".join(code[unit] for unit in units) + letters.END
        for end in range(2, len(chain) + 1):
            grams.update(chain[start:end] for start in range(max(0, end - ORDER), end))
    grams = Counter(
        {gram: count for gram, count in grams.items() if count >= RARE[len(gram)] and gram != letters.START}
    )
    packed = letters.pack(inventory, grams)
    given.out.write_bytes(packed)
    model = letters.unpack(packed)
    right = bare = errors = phones = 0
    for word, said in held[:2000]:
        got = model(word)
        right += got == said
        plain = [tuple(symbol.lstrip("ˈˌ") for symbol in one) for one in (got, said)]
        bare += plain[0] == plain[1]
        errors += distance(*plain)
        phones += len(said)
    many = min(len(held), 2000)
    print(f"{len(packed):,} bytes, {len(inventory)} units, {len(grams):,} n-grams")
    print(f"held out: words right {right / many:.3f}, without stress {bare / many:.3f}, PER {errors / phones:.3f}")


def distance(one: tuple[str, ...], two: tuple[str, ...]) -> int:
    """Levenshtein's."""
    row = list(range(len(two) + 1))
    for index, symbol in enumerate(one, 1):
        above, row[0] = row[0], index
        for column, other in enumerate(two, 1):
            above, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, above + (symbol != other))
    return row[-1]


if __name__ == "__main__":
    main()
