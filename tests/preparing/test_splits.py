import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganray.config.prepare import SplitConfig
from ganray.data import fold
from ganray.errors import DataError
from ganray.preparing.splits import assign

SPELLINGS = (str.lower, str.upper, str.title, lambda s: f"  {s} ", lambda s: f"“{s}!”", lambda s: s.replace(" ", ", "))
sentences = st.integers(0, 30).map(lambda n: f"sentence number {n}")
takes = st.tuples(sentences, st.sampled_from(SPELLINGS)).map(lambda pair: pair[1](pair[0]))
corpora = st.lists(takes, min_size=1, max_size=80).map(lambda texts: {f"c{i}": text for i, text in enumerate(texts)})
shares = st.floats(0, 0.5).map(lambda share: SplitConfig(share=share))


def no_sentence_in_two(texts, splits):
    where = {}
    return all(where.setdefault(fold(texts[key]), split) == split for key, split in splits.items())


@given(texts=corpora, validation=shares, test=shares, seed=st.integers(0, 2**31 - 1))
def test_no_sentence_is_in_two_splits(texts, validation, test, seed):
    held_out = {"validation": validation, "test": test}
    splits, dropped = assign(texts, held_out, {}, seed)
    assert no_sentence_in_two(texts, splits)
    assert splits.keys() == texts.keys()
    assert not dropped
    assert assign(texts, held_out, {}, seed)[0] == splits
    for split, config in held_out.items():
        assert sum(s == split for s in splits.values()) <= min(40, config.share * len(texts) + 1)


@given(texts=corpora, data=st.data(), seed=st.integers(0, 100))
def test_a_list_is_taken_as_it_is_and_its_sentences_are_in_no_other_split(texts, data, seed):
    listed = data.draw(st.lists(st.sampled_from(sorted(texts)), min_size=1, max_size=10, unique=True))
    held_out = {"validation": SplitConfig(ids="list.txt"), "test": SplitConfig(share=0.2)}
    splits, dropped = assign(texts, held_out, {"validation": listed}, seed)
    assert sorted(key for key, split in splits.items() if split == "validation") == sorted(listed)
    assert no_sentence_in_two(texts, splits)
    assert splits.keys() | dropped.keys() == texts.keys()
    held = {fold(texts[key]) for key in listed}
    assert dropped.keys() == {key for key, text in texts.items() if fold(text) in held} - set(listed)


TEXTS = {f"c{n}": f"Sentence {n}." for n in range(1000)}


def held(texts, seed=1, **held_out):
    splits, _ = assign(texts, {name: SplitConfig(**keys) for name, keys in held_out.items()}, {}, seed)
    return {name: {key for key, split in splits.items() if split == name} for name in held_out}


def test_shares_and_limits_are_kept():
    got = held(TEXTS, validation={"share": 0.03}, test={"share": 0.5, "max_clips": 40})
    assert {name: len(keys) for name, keys in got.items()} == {"validation": 30, "test": 40}
    assert held(TEXTS, validation={"share": 0}) == {"validation": set()}
    assert len(held({key: TEXTS[key] for key in ("c1", "c2", "c3")}, validation={})["validation"]) == 1


def test_the_seed_decides_and_the_order_of_the_clips_does_not():
    backwards = dict(reversed(TEXTS.items()))
    assert held(TEXTS, validation={}) == held(backwards, validation={})
    assert held(TEXTS, seed=1, validation={}) != held(TEXTS, seed=2, validation={})


def test_a_corpus_that_grows_keeps_most_of_what_was_held_out():
    grown = TEXTS | {f"d{n}": f"Another {n}." for n in range(100)}
    before, after = held(TEXTS, validation={"share": 0.03}), held(grown, validation={"share": 0.03})
    assert len(before["validation"] & after["validation"]) >= 25


def test_lists_that_contradict_are_refused():
    texts = {"a": "One.", "b": "one", "c": "two"}
    held_out = {"validation": SplitConfig(), "test": SplitConfig()}
    with pytest.raises(DataError, match="listed in validation and in test"):
        assign(texts, held_out, {"validation": ["a"], "test": ["b"]}, 1)
    with pytest.raises(DataError, match="no id of this corpus"):
        assign(texts, held_out, {"validation": ["x", "y"]}, 1)


def test_no_speaker_is_in_two_splits_where_speakers_are_held_out():
    speakers = {f"c{n}": f"speaker {n % 20}" for n in range(400)}
    texts = {key: f"Prompt {int(key[1:]) // 20}." for key in speakers}  # all of them read the same prompts
    held_out = {"validation": SplitConfig(share=0.1), "test": SplitConfig(share=0.1)}
    splits, dropped = assign(texts, held_out, {}, 1, speakers=speakers)
    assert not dropped
    whose = {split: {speakers[key] for key, its in splits.items() if its == split} for split in set(splits.values())}
    assert {split: len(its) for split, its in whose.items()} == {"train": 16, "validation": 2, "test": 2}
    assert sum(map(len, whose.values())) == 20
