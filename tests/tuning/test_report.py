"""The page of a sweep: all that a reader asks of it."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ganray.tuning import plots, report
from ganray.tuning.board import Board, Row
from ganray.tuning.loading import load_sweep
from ganray.tuning.study import Study

LR, MSE = "optim.generator.lr", "objective.adversarial.lambda_mse"
SWEEP: dict[str, Any] = {
    "name": "little",
    "recipe": "source_filter_small",
    "set": {"checkpoint.measure": "distillmos", "validation.measures": ["mel", "pesq", "distillmos"],
            "validation.every_steps": 5},
    "space": {MSE: {"choice": [0.01, 0.1, 1, 10]}, LR: {"loguniform": [1e-4, 2e-3]}},
    "metric": {"val/distillmos": 1, "val/pesq": 0.5},
    "mode": "max",
    "samples": 12,
    "budget": {"steps": 40, "minutes": 3, "total_minutes": 60},
}  # fmt: skip
SCALE = {"recording": {"val/distillmos": 4.27, "val/pesq": 4.64, "val/mel": 0.0, "val/score": 6.59},
         "griffin_lim": {"val/distillmos": 3.55, "val/pesq": 2.6, "val/mel": 0.1, "val/score": 4.85}}  # fmt: skip


def trials(folder: Path, seeds: tuple[int | None, ...] = (None,)) -> list[Row]:
    """Twelve samples as a search with early stops leaves them; the fifth one diverged."""
    chance, rows = random.Random(0), []
    for sample in range(12):
        config = {MSE: (0.01, 0.1, 1, 10)[sample % 4], LR: 10 ** chance.uniform(-4, -2.7)}
        for seed in seeds:
            number, last = f"{len(rows):02}", (40 if sample < 3 else 20 if sample < 6 else 10)
            row = Row(number, config, str(folder / "trials" / number), seed, took_s=10.0 + last, trained_s=0.0)
            for step in range(10, last + 1, 10):
                score = 2.5 + step / 40 - sample / 20 + chance.uniform(-0.1, 0.1)
                row.history.append((step, score))
            row.scores = {"val/score": max(score for _, score in row.history), "val/pesq": 2 - sample / 20}
            row.scores |= {"val/distillmos": row.scores["val/score"] - row.scores["val/pesq"] / 2, "val/mel": 0.5}
            row.step, row.status = last, "finished" if last == 40 else "stopped"
            if sample == 4:
                row.status, row.message = "diverged", "step 21: a loss is no number"
            samples = Path(row.run) / "samples"
            samples.mkdir(parents=True)
            for clip in ("clip-1", "clip-2"):
                soundfile.write(samples / f"step-{last:07}-{clip}.wav", np.full(2400, 0.1), 24_000)
            rows.append(row)
    return rows


def page_of(rows: list[Row], **change: Any) -> Any:
    sweep, run = load_sweep(SWEEP | change)
    board = Board(rows, sweep.score, sweep.mode)
    return report.page(sweep, run, board, {"path": "data/mine", "digest": "0"}, SCALE)


def test_a_page_holds_all_that_a_reader_asks(tmp_path):
    page = page_of(trials(tmp_path))
    assert [section.heading for section in page.sections] == [
        "The best",
        "Trials",
        "Learning curves",
        "val/distillmos and val/pesq",
        "Nothing beats these in all measures",
        "Every trial, from its values to its score",
        "val/score over each key",
        "val/pesq over each key",
        "val/distillmos over each key",
        "val/mel over each key",
        "Which keys matter",
        "Listen",
        "Cost",
    ]
    told = " ".join(page.intro)
    assert "val/score = 1 · val/distillmos + 0.5 · val/pesq" in told
    assert "at most 40 updates or 3 minutes of training, whichever comes first" in told
    assert "The whole sweep: 60 minutes" in told
    takes = page.sections[-2].clips
    assert [clip.title for clip in takes] == ["clip-1", "clip-2"]
    assert [take.label.split(":")[0] for take in takes[0].takes] == ["best", "median", "worst"]
    assert page.html().count("data:image/png") >= 7


def test_the_scale_stands_beside_the_trials_also_for_a_weighted_sum(tmp_path):
    best, table = page_of(trials(tmp_path)).sections[:2]
    assert list(best.columns) == ["", "val/score", "val/pesq", "val/distillmos", "val/mel"]
    assert [row[0] for row in best.rows[1:]] == ["the recordings", "Griffin-Lim copies"]
    assert best.rows[1][1:] == ["6.590", "4.640", "4.270", "0.000"]
    assert [row[0] for row in table.rows[-2:]] == ["the recordings", "Griffin-Lim copies"]
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_one_training_is_not_told_as_sure(tmp_path):
    note = page_of(trials(tmp_path)).sections[0].note
    assert "Trained once, it leads the next one by" in note
    assert "confirm the best one" in note


def test_samples_of_several_seeds_have_intervals_and_differences_seed_by_seed(tmp_path):
    rows = trials(tmp_path, seeds=(1, 2, 3))
    sections = page_of(rows, seeds=[1, 2, 3]).sections
    sure = next(section for section in sections if section.heading == "How sure is it")
    assert len(sure.rows) == 5 + 2
    assert sure.rows[0][2].count(",") == 2
    assert "–" in sure.rows[0][1]
    assert "(" in sure.rows[1][3], "a mean difference with its interval"
    assert "They were chosen by these very scores" in sure.note


def test_spared_minutes_are_counted_where_the_budget_is_in_minutes(tmp_path):
    sweep, run = load_sweep(SWEEP | {"budget": {"minutes": 1}})
    rows = [Row("00", {}, "", step=5, status="finished", took_s=70, trained_s=60),
            Row("01", {}, "", step=3, status="stopped", took_s=40)]  # fmt: skip
    cost = report.cost(sweep, run, Board(rows, "val/score", "max"))
    assert cost["overhead_s_per_trial"] == 10
    assert cost["spared_percent"] == 25  # the second one trained for half a minute


def test_a_study_of_a_sum_keeps_it_in_its_document(tmp_path):
    sweep, run = load_sweep(SWEEP)
    board = Board(trials(tmp_path), sweep.score, sweep.mode)
    document = Study(tmp_path, sweep, run, {"path": "d", "digest": "0"}, board, SCALE).write()
    assert document["scale"] == SCALE
    assert document["best"]["id"] == "00"
    assert Study.read(tmp_path).scale == SCALE


@pytest.mark.parametrize("count", [1, 5, 60])
def test_curves_of_few_and_of_many_trials_are_drawn(count):
    series = {f"trial {i:02}": [(10, 1.0 + i), (20, 1.5 + i)][: 1 + i % 2] for i in range(count)}
    png = plots.curves(series, y_label="val/mel", best="trial 00", stopped=["trial 01"], wrong=["trial 02"])
    assert png.startswith(b"\x89PNG")
