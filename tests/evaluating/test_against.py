"""The gate: what is worse fails, what is as good passes, and chance is not taken for either."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ganray.cli import main
from ganray.data import Dataset
from ganray.errors import DataError
from ganray.evaluating import evaluate
from ganray.evaluating.against import WorseError, compare, read_report
from ganray.evaluating.journal import NAME, Journal
from ganray.evaluating.scorer import ClipScores, Failure, Scorer, Sound
from ganray.voice import Voice, located
from tests.conftest import SHARED


def report(values, name="kept", **more):
    """A report of {measure: one value a clip}."""
    count = len(next(iter(values.values())))
    clips = [
        {"id": f"clip-{i}", "scores": {"voice": {m: float(v[i]) for m, v in values.items() if np.isfinite(v[i])}}}
        for i in range(count)
    ]
    return {
        "voice": {"name": name, "digest": "0"},
        "dataset": {"name": "d", "split": "test"},
        "measures": list(values),
        "per_clip": clips,
        **more,
    }


@pytest.fixture
def kept():
    rng = np.random.default_rng(0)
    return {"pesq": rng.normal(3, 0.4, 20), "mel": rng.normal(0.3, 0.05, 20), "loudness": rng.normal(-23, 1, 20)}


def test_the_same_is_as_good(kept):
    found = compare(report(kept), report(kept))
    assert found.worse == []
    assert {found.verdict(name) for name in ("pesq", "mel")} == {"as good"}
    found.gate()


@pytest.mark.parametrize(("measure", "by"), [("pesq", -0.3), ("mel", +0.05)])
def test_what_is_worse_fails_and_says_by_how_much(measure, by, kept):
    now = kept | {measure: kept[measure] + by + np.random.default_rng(1).normal(0, 0.02, 20)}
    found = compare(report(now), report(kept))
    assert found.worse == [measure]
    with pytest.raises(WorseError, match=rf"scores.{measure} +worse by 0\.\d+ on 20 clips") as failed:
        found.gate()
    assert failed.value.exit_code == 1
    assert [problem.path for problem in failed.value.problems] == [f"scores.{measure}"]
    better = compare(report(kept), report(now))
    assert better.verdict(measure) == "better"
    better.gate()


def test_what_is_sure_but_too_little_to_matter_passes(kept):
    found = compare(report(kept | {"pesq": kept["pesq"] - 0.02}), report(kept))
    assert found.differences["pesq"].high < 0
    assert found.worse == []


def test_a_description_is_never_worse(kept):
    found = compare(report(kept | {"loudness": kept["loudness"] - 9}), report(kept))
    assert found.verdict("loudness") == "neither"
    assert found.worse == []


def test_five_clips_tell_nothing(kept):
    few = {name: values[:5] for name, values in kept.items()}
    assert compare(report(few | {"pesq": few["pesq"] - 1}), report(few)).worse == []


def test_a_number_that_is_lost_fails(kept):
    now = kept | {"pesq": np.where(np.arange(20) < 3, np.nan, kept["pesq"])}
    found = compare(report(now), report(kept))
    assert found.worse == ["pesq"]
    with pytest.raises(WorseError, match="3 clips have no number any more"):
        found.gate()


def test_chance_fails_the_gate_in_at_most_one_of_twenty():
    rng = np.random.default_rng(0)
    names = ("pesq", "mel", "estoi", "stft", "mcd")
    failed = 0
    for _ in range(100):
        middle = {name: rng.normal(0, 9, 12) for name in names}
        one, other = ({n: m + rng.normal(0, 3, 12) for n, m in middle.items()} for _ in range(2))
        failed += bool(compare(report(one), report(other)).worse)
    assert failed <= 5


def test_reports_of_other_clips_are_refused(kept):
    other = report(kept)
    for clip in other["per_clip"]:
        clip["id"] += "x"
    with pytest.raises(DataError, match="no clip and measure in common"):
        compare(report(kept), other)


@pytest.mark.parametrize("content", [None, "{", '{"kind": "run"}', '{"kind": "report", "schema_version": 9}'])
def test_what_is_no_report_is_refused(content, tmp_path):
    if content is not None:
        (tmp_path / "report.json").write_text(content)
    with pytest.raises(DataError, match="report"):
        read_report(tmp_path)


def test_a_journal_gives_back_what_was_noted_and_drops_what_was_cut_off(tmp_path):
    scores = ClipScores("a", "text", 1.5, {"voice": {"mel": 0.25}}, [Failure("a", "world", "pesq", "why")], 0.5)
    scores.sounds["voice"] = Sound(b"\x00\xff", "audio/flac", 1.5, b"png")
    journal = Journal(tmp_path / "out", {"seed": 0})
    journal.begin({})
    journal.note(3, scores)
    journal.note(4, scores)
    text = journal.path.read_text()
    journal.path.write_text(text[:-20])
    assert Journal(tmp_path / "out", {"seed": 0}).read() == {3: scores}
    assert Journal(tmp_path / "out", {"seed": 1}).read() == {}
    journal.close(done=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.ray
def test_an_evaluation_that_was_killed_goes_on_where_it_was(mel_voice, dataset, ray_session, tmp_path, monkeypatch):
    from ganray.evaluating.pool import Pool

    how = {"measures": ["mel", "mcd"], "scale": ["noise"], "workers": 1, "quiet": True}
    run, asked = Pool.run, []

    def killed(self, jobs):
        for number, found in enumerate(run(self, jobs)):
            if number == 2:
                raise KeyboardInterrupt
            yield found

    def watched(self, jobs):
        asked.extend(jobs)
        return run(self, jobs)

    monkeypatch.setattr(Pool, "run", killed)
    with pytest.raises(KeyboardInterrupt):
        evaluate(str(mel_voice), str(dataset), "validation", out=tmp_path / "cut", **how)
    assert (tmp_path / "cut" / NAME).is_file()
    monkeypatch.setattr(Pool, "run", watched)
    again = evaluate(str(mel_voice), str(dataset), "validation", out=tmp_path / "cut", **how)
    assert len(asked) == 2
    scorer = Scorer(
        Voice.load(mel_voice), Dataset.open(dataset).split("validation"), measures=how["measures"], scale=["noise"]
    )
    for index, clip in enumerate(again.per_clip):
        for row, values in scorer(index).rows.items():
            assert clip.rows[row] == pytest.approx(values, rel=1e-4)
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == ["index.html", "report.json"]


@pytest.mark.ray
@pytest.mark.skipif(not (SHARED / "kathleen" / "metadata.csv").is_file(), reason="no recordings here")
def test_the_bundled_voice_is_no_worse_than_it_was_and_a_spoiled_one_is(dataset, ray_session, tmp_path, capsys):
    import safetensors.torch

    kept = tmp_path / "kept"
    evaluate("english", str(dataset), "train", measures=["distillmos"], scale=[], clips=8, out=kept, quiet=True)
    spoiled = shutil.copytree(located("english"), tmp_path / "spoiled")
    weights = safetensors.torch.load_file(spoiled / "generator.safetensors")
    import torch

    torch.manual_seed(0)
    for name, value in weights.items():
        if value.is_floating_point() and value.dim() > 1:
            weights[name] = value + 0.35 * value.std() * torch.randn_like(value)
    safetensors.torch.save_file(weights, spoiled / "generator.safetensors")
    asked = ["--data", str(dataset), "--split", "train", "--measures", "distillmos", "--clips", "8", "--json"]
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", str(spoiled), *asked, "--baseline", str(kept), "--out", str(tmp_path / "worse")])
    error = json.loads(capsys.readouterr().out)["error"]
    assert ended.value.code == 1
    assert error["type"] == "WorseError"
    assert "scores.distillmos" in [problem["path"] for problem in error["problems"]]
    assert json.loads((tmp_path / "worse" / "report.json").read_text())["against"]["worse"]
    assert "Against english" in (tmp_path / "worse" / "index.html").read_text()
    compare(read_report(kept), read_report(Path(__file__).parent / "english.json")).gate()
