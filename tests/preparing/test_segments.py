"""A long recording becomes the sentences that are said in it, cut where nobody speaks."""

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ganray.audio import read
from ganray.config.prepare import PrepareConfig
from ganray.data import Dataset, read_corpus
from ganray.preparing import prepare
from ganray.preparing.alignment import places


def edits(wanted, found):
    return sum(place < 0 for place in found)


@given(st.lists(st.sampled_from("abcd"), max_size=30), st.lists(st.sampled_from("abcd"), max_size=30))
@settings(max_examples=100, deadline=None)
def test_an_alignment_goes_forward_and_pairs_equals(wanted, heard):
    found = places(wanted, heard)
    paired = [(number, place) for number, place in enumerate(found) if place >= 0]
    assert all(wanted[number] == heard[place] for number, place in paired)
    assert [place for _, place in paired] == sorted({place for _, place in paired})


def test_what_only_one_side_has_is_passed_over():
    text, noise = list("thequickbrownfox"), list("xxxxxxxxxx")
    assert places(text, noise + text).tolist() == list(range(10, 26))
    assert places(text[:4] + noise + text[4:], text).tolist() == [*range(4), *[-1] * 10, *range(4, 16)]
    assert places(text * 20, text * 20, slack=3).tolist() == list(range(320))


@pytest.fixture
def chapter(shared_corpus, tmp_path):
    """Twelve recordings read one after the other, half a second between them, as one file with one text."""
    pytest.importorskip("hama")
    clips = [r for r in read_corpus(shared_corpus("kathleen")).recordings if r.text][::120][:12]
    folder, sounds, bounds = tmp_path / "book", [], []
    folder.mkdir()
    at = 0
    for clip in clips:
        waveform, rate = read(clip.path)
        sounds += [waveform, 1e-4 * np.random.default_rng(at).standard_normal(rate // 2)]
        bounds.append((at / rate, (at + len(waveform)) / rate))
        at += len(waveform) + rate // 2
    soundfile.write(folder / "chapter.flac", np.concatenate(sounds), 24_000, subtype="PCM_16")
    texts = [clip.text if clip.text[-1] in ".!?" else f"{clip.text}." for clip in clips]
    return folder, texts, bounds


def test_a_chapter_is_cut_into_its_sentences(chapter, tmp_path):
    folder, texts, bounds = chapter
    never_said = "Seven purple elephants juggled quietly on the frozen harbour."
    (folder / "chapter.txt").write_text(" ".join([*texts[:6], never_said, *texts[6:]]), encoding="utf-8")
    config = PrepareConfig.model_validate({"language": "en", "segments": {"by": "heard"}, "audit": False})
    result = prepare(folder, tmp_path / "out", config, here=True, quiet=True)
    assert [(clip["id"], clip["reason"].split(" (")[0]) for clip in result["dropped"]] == [
        ("chapter-0007", "not heard")
    ]
    data = Dataset.open(tmp_path / "out")
    clips = {clip.id: clip for split in data.splits for clip in data.split(split).clips()}
    ids = [f"chapter-{number:04d}" for number in range(1, 14) if number != 7]
    assert [clips[key].text for key in ids] == texts
    for key, (start, end) in zip(ids, bounds, strict=True):
        assert len(clips[key].waveform) / 24_000 == pytest.approx(end - start, abs=0.8)
    again = prepare(folder, tmp_path / "out", config, here=True, quiet=True, overwrite=True)
    assert again["computed"] == {}


def test_a_long_recording_is_dropped_unasked(make_corpus, speech, tmp_path):
    texts = {"short": "Third.", "other": "Fourth.", "more": "Fifth."}
    corpus = make_corpus({"long": ("First one. Second one.", speech(25, 0)), **texts})
    result = prepare(corpus, tmp_path / "out", PrepareConfig(audit=False), here=True, quiet=True)
    assert [clip["reason"].split(" (")[0] for clip in result["dropped"]] == ["too long"]
