"""Which clip is held out. No sentence is in two splits, however often and however spelt it was recorded."""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ganray.config.prepare import SplitConfig
from ganray.data.corpus import fold
from ganray.errors import DataError

TRAIN = "train"


def assign(
    texts: Mapping[str, str],
    held_out: Mapping[str, SplitConfig],
    lists: Mapping[str, Sequence[str]],
    seed: int,
    ties: Iterable[Sequence[str]] = (),
    speakers: Mapping[str, str] | None = None,
) -> tuple[dict[str, str], dict[str, str]]:
    """Give every clip its split.

    A list of ids is taken as it is; other takes of its sentences are dropped. Where there is no list, sentences are
    drawn in the order of a seeded hash, so that a corpus that grows keeps most of its held-out sentences.

    Args:
        texts: Clip id → text.
        held_out: Split → how large it shall be, in the order in which they choose.
        lists: Split → ids, for those splits that are listed.
        seed: Of the draw.
        ties: Clips that belong in one split though their texts differ; where lists part them, they stay parted.
        speakers: Clip id → who speaks, where speakers are held out instead of sentences: shares are then of them.

    Returns:
        Clip id → split, and clip id → reason for the dropped ones.

    Raises:
        DataError: A sentence or an id is listed in two splits, or a list has no clip of the corpus.
    """
    sentence_of = _sentences(texts if speakers is None else {key: speakers[key] for key in texts}, lists, ties)
    takes: dict[str, list[str]] = defaultdict(list)
    for key in texts:
        takes[sentence_of[key]].append(key)
    chosen: dict[str, str] = {}
    listed: dict[str, str] = {}
    for split, ids in lists.items():
        known = [key for key in ids if key in texts]
        if not known:
            raise DataError(f"the list of {split} has no id of this corpus", got=", ".join(ids[:3]), mend="check it")
        for key in known:
            sentence = sentence_of[key]
            if chosen.setdefault(sentence, split) != split:
                raise DataError(
                    f"one sentence is listed in {chosen[sentence]} and in {split}",
                    id=key,
                    mend="keep all takes of a sentence in one list",
                )
            listed[key] = split
    order = sorted(takes, key=lambda sentence: hashlib.sha256(f"{seed}:{sentence}".encode()).digest())
    for split, config in held_out.items():
        if split in lists:
            continue
        if speakers is not None:
            free = [group for group in order if group not in chosen]
            count = math.ceil(config.share * len(takes))
            chosen |= dict.fromkeys(free[: min(count, len(free) - 1)], split)
        else:
            wanted = min(config.max_clips, math.ceil(config.share * len(texts)))
            _draw(split, wanted, order, takes, chosen)
    splits, dropped = {}, {}
    for sentence, keys in takes.items():
        split = chosen.get(sentence, TRAIN)
        for key in keys:
            if split in lists and key not in listed:
                dropped[key] = f"take of a {split} sentence (that is not in the list of {split} itself)"
            else:
                splits[key] = split
    return splits, dropped


def near_texts(texts: Mapping[str, str]) -> list[list[str]]:
    """Clips whose sentences, of five words or more, are equal but for one word: changed, added or left out.

    Found by what is left when a word is taken out, so time grows with the words, not with the pairs of sentences.
    """
    without: dict[str, list[str]] = defaultdict(list)
    first: dict[str, str] = {}
    for key, text in texts.items():
        first.setdefault(fold(text), key)
    for sentence, key in first.items():
        words = sentence.split()
        if len(words) < 5:
            continue
        left = {" ".join(words[:place] + words[place + 1 :]) for place in range(len(words))}
        for rest in left | {sentence}:
            without[rest].append(key)
    return [keys for keys in without.values() if len(keys) > 1]


def _sentences(
    texts: Mapping[str, str], lists: Mapping[str, Sequence[str]], ties: Iterable[Sequence[str]]
) -> dict[str, str]:
    """Clip id → the sentence that it is a take of. A clip without text is one of its own."""
    own = {key: fold(text) or f"\0{key}" for key, text in texts.items()}
    listed: dict[str, str] = {own[key]: split for split, ids in lists.items() for key in ids if key in own}
    parent = {sentence: sentence for sentence in own.values()}

    def root(sentence: str) -> str:
        while parent[sentence] != sentence:
            parent[sentence] = sentence = parent[parent[sentence]]
        return sentence

    for keys in ties:
        for other in keys[1:]:
            a, b = root(own[keys[0]]), root(own[other])
            if a != b and listed.get(a, listed.get(b)) == listed.get(b, listed.get(a)):
                parent[b] = a
                if b in listed:
                    listed[a] = listed[b]
    return {key: root(sentence) for key, sentence in own.items()}


def _draw(split: str, wanted: int, order: list[str], takes: Mapping[str, list[str]], chosen: dict[str, str]) -> None:
    """Choose sentences for `split` until they have `wanted` clips, leaving out what would make it more."""
    count = 0
    for sentence in order:
        if count >= wanted:
            return
        if sentence not in chosen and count + len(takes[sentence]) <= wanted:
            chosen[sentence] = split
            count += len(takes[sentence])
