"""The whole of it, on real Ray: a tiny voice, a prepared dataset, a report."""

import json
import os
import re
import shutil

import numpy as np
import pytest
import yaml

from ganray.data import Dataset
from ganray.errors import AudioContractError, ConfigError, DataError, UsageError
from ganray.evaluating import SCALE, evaluate
from ganray.evaluating.scorer import Scorer
from ganray.evaluating.subject import voice_folder
from ganray.gan import GanState
from ganray.gan.run import Run
from ganray.metrics.page import number
from ganray.voice import Voice

from .conftest import MEASURES

SIGNAL = ("speech", "loudness", "clipping")

pytestmark = pytest.mark.ray


@pytest.fixture
def split(dataset):
    return Dataset.open(dataset).split("validation")


def test_report_json_holds_every_number_of_every_clip(report, split):
    document = json.loads((report.folder / "report.json").read_text(encoding="utf-8"))
    assert document["schema_version"] == 1
    assert document["kind"] == "report"
    assert document["clips"] == len(split)
    assert [clip["id"] for clip in document["per_clip"]] == split.ids
    for clip in document["per_clip"]:
        assert set(clip["scores"]) == {"voice", *SCALE}
        assert set(clip["scores"]["voice"]) == set(MEASURES)
        assert set(clip["scores"]["recording"]) == {"distillmos"}
    for name in MEASURES:
        values = [clip["scores"]["voice"][name] for clip in document["per_clip"]]
        told = document["scores"][name]
        assert told["mean"] == pytest.approx(np.mean(values), abs=1e-4)
        assert told["low"] <= told["mean"] <= told["high"]
        assert told["num"] == len(split)
    assert set(document["scale"]) == set(SCALE)
    assert document["failed"] == []
    assert document["voice"]["name"] == "tiny"
    assert document["times_real_time"] > 0


def test_the_scale_is_in_its_order(report):
    # What is no speech has no naturalness to lose: Griffin-Lim of it and noise are as bad to DistillMOS.
    means = [report.rows[row]["distillmos"].mean for row in ("recording", "griffin_lim", "noise")]
    assert means[0] > max(means[1:]) + 0.1
    assert report.rows["griffin_lim"]["pesq"].mean > report.rows["noise"]["pesq"].mean + 0.5


def test_workers_on_a_cluster_find_what_one_process_finds(report, mel_voice, split):
    scorer = Scorer(Voice.load(mel_voice), split, measures=MEASURES)
    for index in (0, len(split) - 1):
        here, there = scorer(index).rows, report.per_clip[index].rows
        for row, values in there.items():
            assert here[row] == pytest.approx(values, rel=1e-4), row


def test_the_page_holds_the_scores_and_a_player_for_every_row(report, split):
    html = report.page.read_text(encoding="utf-8")
    shown = min(6, len(split))
    assert html.count("<audio") == html.count("data:audio/flac;base64,") == 4 * shown
    assert html.count("data:image/png;base64,") == 4 * shown
    for row in report.rows.values():
        for interval in row.values():
            assert re.search(rf">{interval.mean:.{2 if abs(interval.mean) >= 1 else 3}f}<", html)
    for clip_id in split.ids:
        assert clip_id in html
    assert len(html) < 10e6


def test_what_is_written_is_whole(report):
    assert sorted(path.name for path in report.folder.iterdir()) == ["index.html", "report.json"]


def test_a_text_voice_is_not_judged_by_what_only_follows(text_voice, dataset):
    with pytest.raises(UsageError, match="its own rhythm"):
        evaluate(str(text_voice), str(dataset), "validation", measures=["mel", "stft"], quiet=True)


@pytest.mark.slow
def test_a_noise_voice_is_judged_by_its_draws(noise_voice, dataset, ray_session, tmp_path):
    found = evaluate(str(noise_voice), str(dataset), "validation", clips=2, out=tmp_path, workers=1, quiet=True)
    always = {"distillmos", "frechet", "loudness", "clipping"}
    assert always <= set(found.scores) <= {"distillmos", "frechet", "dnsmos", *SIGNAL}
    assert found.clips == found.scores["distillmos"]["num"] == 2
    assert set(found.scale["noise"]) == set(found.scores)
    assert "Draw 2" in found.page.read_text(encoding="utf-8")
    with pytest.raises(UsageError, match="has no reference"):
        evaluate(str(noise_voice), str(dataset), "validation", measures=["pesq"], quiet=True)


def test_a_voice_of_another_contract_is_refused_with_both_values(mel_voice, dataset, tmp_path):
    other = shutil.copytree(mel_voice, tmp_path / "other")
    card = yaml.safe_load((other / "voice.yaml").read_text(encoding="utf-8"))
    card["audio"]["f_min"] = 40.0
    (other / "voice.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    with pytest.raises(AudioContractError, match=r"f_min(.|\n)*40\.0(.|\n)*0\.0"):
        evaluate(str(other), str(dataset), "validation", quiet=True)


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"split": "dev"}, DataError, "use train or validation"),
        ({"measures": ["pesk"]}, ConfigError, "did you mean pesq"),
        ({"scale": ["hifigan"]}, UsageError, "recording, world, griffin_lim, noise"),
        ({"clips": 0}, UsageError, "no clip to judge"),
        ({"voice": "nowhere"}, DataError, "no voice at"),
        ({"dataset": "nowhere"}, DataError, "ganray prepare"),
    ],
)
def test_what_cannot_be_is_told_before_ray_starts(change, error, told, mel_voice, dataset, monkeypatch):
    from ganray.evaluating import pool

    monkeypatch.setattr(pool.ray, "init", lambda *a, **k: pytest.fail("Ray was started"))
    arguments = {"voice": str(mel_voice), "dataset": str(dataset), "split": "validation", "quiet": True} | change
    with pytest.raises(error, match=told):
        evaluate(**arguments)


def test_a_run_is_judged_by_the_checkpoint_that_is_asked_for(tiny_run, dataset, ray_session, tmp_path):
    run = Run.create(tmp_path / "run", tiny_run(), {"path": str(dataset), "digest": "d"})
    run.save(GanState(run.config))
    report = evaluate(
        str(run.path),
        str(dataset),
        "validation",
        step="last",
        measures=["mel"],
        scale=[],
        clips=1,
        workers=1,
        quiet=True,
    )
    step = run.steps()[-1]
    assert report.folder == run.path / "reports" / f"run-{step}-validation"
    assert report.about["voice"]["name"] == f"run-{step}"
    made = run.path / f"run-{step}" / "voice.yaml"
    os.utime(made, (0, 0))  # older than its checkpoint, as after a rollback
    voice_folder(str(run.path), step)
    assert made.stat().st_mtime > 0
    with pytest.raises(UsageError, match="no step 'worst'"):
        voice_folder(str(run.path), "worst")


def test_a_voice_that_gives_no_number_at_all_is_an_error_with_the_reason(mel_voice, dataset, ray_session, tmp_path):
    import safetensors.torch

    broken = shutil.copytree(mel_voice, tmp_path / "broken")
    weights = safetensors.torch.load_file(broken / "generator.safetensors")
    nan = {name: value * float("nan") if value.is_floating_point() else value for name, value in weights.items()}
    safetensors.torch.save_file(nan, broken / "generator.safetensors")
    out = tmp_path / "report"
    with pytest.raises(DataError, match="NaN or infinite"):
        evaluate(str(broken), str(dataset), "validation", measures=["mel"], scale=[], out=out, workers=1, quiet=True)
    assert not out.exists()


@pytest.mark.slow
def test_the_command_prints_one_document_or_one_table(mel_voice, dataset, ray_session, tmp_path, capsys):
    from ganray.cli import main

    wanted = ["evaluate", str(mel_voice), "--data", str(dataset), "--measures", "mel,estoi", "--clips", "2", "--out"]
    with pytest.raises(SystemExit) as ended:
        main([*wanted, str(tmp_path / "a"), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert not ended.value.code
    assert {"clips", "scores", "scale", "page"} <= set(document)
    assert document["clips"] == 2
    assert document["page"] == str(tmp_path / "a" / "index.html")
    with pytest.raises(SystemExit):
        main([*wanted, str(tmp_path / "b")])
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert len(lines) == 5  # a heading, the rows of the scale, a line a measure, the page
    mel = next(line for line in lines if line.startswith("mel ↓"))
    assert f" {number(document['scores']['mel']['mean'])} ±" in mel
    assert "evaluate" in captured.err
    assert max(len(line) for line in lines[1:-1]) <= 80
