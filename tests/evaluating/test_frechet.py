"""A voice of noise against recordings as a whole, on real Ray."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from ganray.data import Dataset
from ganray.errors import UsageError
from ganray.evaluating import SCALE, evaluate
from ganray.evaluating.against import compare, read_report
from ganray.evaluating.journal import Journal
from ganray.evaluating.others import Others
from ganray.evaluating.scorer import OTHERS, Scorer
from ganray.metrics.frechet import frechet
from ganray.voice import Voice

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def report(noise_voice, dataset, ray_session, tmp_path_factory):
    out = tmp_path_factory.mktemp("noise") / "report"
    return evaluate(
        str(noise_voice), str(dataset), "validation", measures=["frechet", "clipping"], out=out, workers=2, quiet=True
    )


def test_the_report_has_a_distance_with_an_interval_for_every_row(report, dataset):
    document = json.loads((report.folder / "report.json").read_text(encoding="utf-8"))
    rows = {"voice": document["scores"], **document["scale"]}
    assert set(rows) == {"voice", *SCALE}
    for row, scores in rows.items():
        its = scores["frechet"]
        assert 0 <= its["low"] < its["mean"] < its["high"], row
        assert its["num"] == report.clips
    assert rows["recording"]["frechet"]["mean"] < rows["noise"]["frechet"]["mean"]
    assert document["failed"] == []
    assert document["others"]["split"] == "train"
    assert 0 < document["others"]["clips"] <= len(Dataset.open(dataset).split("train"))
    assert all("frechet" not in its for clip in document["per_clip"] for its in clip["scores"].values())
    html = report.page.read_text(encoding="utf-8")
    assert "frechet ↓" in html
    assert "Fréchet distances are to" in html


def test_workers_find_what_one_process_finds(report, noise_voice, dataset):
    opened = Dataset.open(dataset)
    split = opened.split("validation")
    others = Others.beside(opened, "validation", len(split))
    scorer = Scorer(Voice.load(noise_voice), split, measures=["frechet"], others=(others, opened.split(others.split)))
    clips = [scorer(index) for index in range(len(split))]
    theirs = [one for clip in clips for one in clip.embedded[OTHERS]]
    assert len(theirs) == others.num
    for row, its in report.rows.items():
        ours = [one for clip in clips for one in clip.embedded[row]]
        assert len({len(one) for one in ours}) == 1  # every row is cut to the draws' length
        assert frechet(ours, theirs).mean == pytest.approx(its["frechet"].mean, rel=1e-3), row


def test_what_was_embedded_outlives_a_kill(noise_voice, dataset, tmp_path):
    opened = Dataset.open(dataset)
    others = Others.beside(opened, "validation", 2)
    scorer = Scorer(
        Voice.load(noise_voice),
        opened.split("validation"),
        measures=["frechet"],
        others=(others, opened.split("train")),
    )
    journal, scores = Journal(tmp_path, {"a": others}), scorer(1)
    journal.begin({})
    journal.note(1, scores)
    back = Journal(tmp_path, {"a": others}).read()[1].embedded
    assert back.keys() == scores.embedded.keys()
    for row, its in scores.embedded.items():
        for one, other in zip(its, back[row], strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_voice_that_reads_has_it_when_it_is_asked_for(mel_voice, dataset, ray_session, tmp_path):
    asked = {"measures": ["frechet"], "clips": 2, "scale": ("recording",), "workers": 1, "quiet": True}
    found = evaluate(str(mel_voice), str(dataset), "validation", out=tmp_path, **asked)
    assert set(found.scores) == {"frechet"}
    assert found.scores["frechet"]["mean"] > 0
    assert found.page.is_file()


def test_reports_are_compared_by_what_each_clip_has(report):
    document = read_report(report.folder)
    assert set(compare(document, document).differences) == {"clipping"}


def test_a_dataset_of_one_split_has_no_others_to_be_held_against(noise_voice, dataset, monkeypatch):
    monkeypatch.setattr(Dataset, "splits", property(lambda self: ["validation"]))
    with pytest.raises(UsageError, match="recordings of another split"):
        evaluate(str(noise_voice), str(dataset), "validation", measures=["frechet"], quiet=True)


def test_others_are_spread_over_their_split_and_shared_out_once(dataset):
    opened = Dataset.open(dataset)
    split = opened.split("train")
    others = Others("train", min(7, len(split)), 3)
    waves = [wave for index in range(3) for wave in others.share(split, index)]
    assert len(waves) == others.num
    assert len({wave.tobytes() for wave in waves}) == others.num


def test_a_recording_that_is_too_short_is_told_and_costs_no_clip(fake_voice, clips):
    short = SimpleNamespace(waveform=clips[0].waveform[:1000])
    others = (Others("train", 3, 1), [clips[1], short, clips[2]])
    voice = fake_voice(lambda mel, seed: clips[3].waveform)
    found = Scorer(voice, clips, measures=["frechet"], scale=("recording",), others=others)(0)
    assert len(found.embedded[OTHERS]) == 2
    assert set(found.embedded) == {"voice", "recording", OTHERS}
    assert [(failure.row, failure.measure) for failure in found.failures] == [(OTHERS, "frechet")]
    assert "too short" in found.failures[0].reason
