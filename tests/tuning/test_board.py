"""What is known of every trial, and how it is shown."""

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

from ganray.blind.analysis import read_json
from ganray.models import load_run
from ganray.tuning import heard, report
from ganray.tuning.board import Board, Row
from ganray.tuning.front import front
from ganray.tuning.loading import load_sweep
from ganray.tuning.study import Study
from ganray.tuning.view import text
from tests.conftest import like_speech

SWEEP: dict[str, Any] = {
    "name": "little",
    "recipe": "source_filter_small",
    "set": {"checkpoint.measure": "mel", "validation.measures": ["mel"], "validation.every_steps": 5},
    "space": {"optim.generator.lr": {"choice": [1e-4, 1e-3]}},
    "search": "grid",
    "budget": {"steps": 10, "minutes": 1},
}


def trial(number: int) -> SimpleNamespace:
    return SimpleNamespace(config={"number": number})


@pytest.fixture
def board() -> Board:
    """Four trials: one finished, one stopped early, one diverged, one waiting."""
    board = Board(
        [Row(f"{i:02}", {"optim.generator.lr": 1e-4 * (i + 1)}, f"/runs/{i:02}") for i in range(4)], "val/mel", "min"
    )
    for i in range(3):
        board.on_trial_start(0, [], trial(i))
    for step, mel in ((5, 0.5), (10, 0.4), (15, 0.45)):
        board.on_trial_result(0, [], trial(0), {"step": step, "val/mel": mel, "val/stft": 2 * mel, "time_total_s": 3})
    board.on_trial_result(0, [], trial(0), {"ended": "finished", "step": 15})
    board.on_trial_complete(0, [], trial(0))
    board.on_trial_result(0, [], trial(1), {"step": 5, "val/mel": 0.9})
    board.on_trial_complete(0, [], trial(1))
    board.on_trial_result(0, [], trial(2), {"step": 5, "val/mel": 0.1})
    board.on_trial_result(0, [], trial(2), {"step": 10, "val/mel": float("nan")})
    board.on_trial_result(0, [], trial(2), {"ended": "diverged", "message": "step 11: a loss is no number"})
    board.on_trial_complete(0, [], trial(2))
    return board


def test_a_trials_score_is_its_best_one(board):
    row = board.rows[0]
    assert row.scores == {"val/mel": 0.4, "val/stft": 0.8}
    assert (row.step, row.status) == (15, "finished")
    assert row.history == [(5, 0.5), (10, 0.4), (15, 0.45)]


def test_a_trial_that_never_said_how_it_ended_was_stopped(board):
    assert [row.status for row in board.rows] == ["finished", "stopped", "diverged", "waiting"]


def test_a_lost_trial_is_one_line_in_the_table(board):
    board.on_trial_start(0, [], trial(3))
    board.on_trial_error(0, [], trial(3))
    assert board.rows[3].status == "failed"
    assert board.rows[3].message


def test_a_trial_that_goes_on_elsewhere_still_runs_and_its_time_is_counted(board):
    ended = []
    board.on_end = lambda: ended.append(True)
    board.on_trial_start(0, [], trial(3))
    board.on_trial_recover(0, [], trial(3))
    assert ended, "what its process left behind is looked for"
    before = board.rows[3].took_s
    board.on_trial_start(1, [], trial(3))
    board.on_trial_complete(2, [], trial(3))
    assert board.rows[3].took_s > before > 0


def test_what_ran_at_the_end_was_stopped_with_the_sweep(board):
    board.on_trial_start(0, [], trial(3))
    board.close()
    assert [row.status for row in board.rows] == ["finished", "stopped", "diverged", "stopped"]


def test_the_best_is_never_a_diverged_one(board):
    assert board.best is board.rows[0]


def test_the_best_of_a_measure_that_should_be_high_is_the_highest():
    board = Board([Row(f"{i}", {}, "", scores={"val/pesq": 1.0 + i}) for i in range(3)], "val/pesq", "max")
    assert board.best is board.rows[2]


def test_the_table_names_every_trial_once(board):
    lines = text(board).splitlines()
    assert lines[0].split() == ["trial", "lr", "step", "val/mel", "status"]
    assert [line.split()[0] for line in lines[1:]] == ["00", "01", "02", "03"]
    assert "0.4000  best" in lines[1]
    assert "diverged: step 11: a loss is no number" in lines[3]


def test_of_hundreds_of_trials_the_table_shows_the_best_and_those_that_run():
    rows = [Row(f"{i:03}", {"lr": i}, "", scores={"val/mel": 1 + i / 100}, status="finished") for i in range(100)]
    rows += [Row(f"{i}", {"lr": i}, "", status="running") for i in range(100, 130)]
    rows += [Row(f"{i}", {"lr": i}, "") for i in range(130, 500)]
    lines = text(Board(rows, "val/mel", "min"), most=21).splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == [f"{i:03}" for i in [*range(10), *range(100, 110)]]
    assert lines[-1].split(None, 1)[1] == "480 more; in all 100 finished, 30 running, 370 waiting"


def test_the_best_recipe_is_a_whole_recipe_with_its_origin(board, tmp_path):
    sweep, run = load_sweep(SWEEP)
    document = Study(tmp_path, sweep, run, {"path": "/data/a", "digest": "0"}, board).write()
    written = (tmp_path / "best_recipe.yaml").read_text()
    assert set(document) >= {"sweep", "trials", "best", "best_recipe", "report"}
    assert written.startswith("# little-best: source_filter_small")
    assert "optim.generator.lr = 0.0001" in written
    best = load_run(tmp_path / "best_recipe.yaml")
    assert best.optim.generator.lr == 1e-4
    assert best.schedule == run.schedule, "the sweep's budget is not the recipe's"
    assert yaml.safe_load(written).keys() == best.model_dump().keys(), "every key is written out"


def test_the_page_shows_every_trial_and_the_curves(board, tmp_path):
    sweep, run = load_sweep(SWEEP)
    document = Study(tmp_path, sweep, run, {"path": "/data/a", "digest": "0"}, board).write()
    page = (tmp_path / "report" / "index.html").read_text()
    assert document["report"] == str(tmp_path / "report" / "index.html")
    assert "data:image/png" in page
    assert all(status in page for status in ("finished", "stopped", "diverged"))


def test_a_sweep_without_scores_still_leaves_its_document(tmp_path):
    sweep, run = load_sweep(SWEEP)
    board = Board([Row("00", {"optim.generator.lr": 1e-4}, "", status="failed", message="no")], "val/mel", "min")
    document = Study(tmp_path, sweep, run, {"path": "/data/a", "digest": "0"}, board).write()
    assert document["best"] is document["best_recipe"] is None
    assert (tmp_path / "sweep.json").is_file()


def test_the_page_shows_what_the_keys_did_and_lets_the_best_and_the_worst_be_heard(tmp_path):
    rows = []
    for number in range(6):
        folder = tmp_path / "trials" / f"{number:02}" / "samples"
        folder.mkdir(parents=True)
        for step in (5, 10):
            soundfile.write(folder / f"step-{step:07}-clip-1.wav", np.full(2400, step / 100), 24_000)
        row = Row(
            f"{number:02}",
            {"optim.generator.lr": 10.0 ** -(number + 1), "data.judged": number % 2 == 0},
            str(folder.parent),
        )
        row.scores, row.status = {"val/mel": 0.1 * number + 0.2}, "finished"
        rows.append(row)
    sweep, run = load_sweep(SWEEP)
    page = report.page(sweep, run, Board(rows, "val/mel", "min"), {"path": "d", "digest": "0"}, {})
    headings = [section.heading for section in page.sections]
    assert headings == ["The best", "Trials", "Every trial, from its values to its score", "val/mel over each key",
                        "Which keys matter", "Listen", "Cost"]  # fmt: skip
    takes = page.sections[-2].clips[0].takes
    assert [take.label for take in takes] == ["best: trial 00", "median: trial 03", "worst: trial 05"]
    newest, _ = soundfile.read(io.BytesIO(takes[0].audio))
    assert newest.max() == pytest.approx(0.1, abs=1e-3)
    assert "optim.generator.lr" in page.html()


def test_the_same_trials_are_a_blind_test_that_the_page_links_to(tmp_path):
    rows = []
    for number in range(4):
        folder = tmp_path / "trials" / f"{number:02}" / "samples"
        folder.mkdir(parents=True)
        for clip in ("clip-1", f"clip-of-{number}"):
            soundfile.write(folder / f"step-{10:07}-{clip}.wav", like_speech(0.5, number), 24_000)
        row = Row(f"{number:02}", {"optim.generator.lr": 1e-3}, str(folder.parent), status="finished")
        row.scores = {"val/mel": 0.1 * number + 0.2}
        rows.append(row)
    sweep, run = load_sweep(SWEEP)
    board = Board(rows, "val/mel", "min")
    document = Study(tmp_path, sweep, run, {"path": "/data/a", "digest": "0"}, board).write()
    assert document["ab"] == str(tmp_path / "report" / "ab" / "index.html")
    key = read_json(tmp_path / "report" / "ab" / "key.json")
    assert set(key["names"].values()) == {"trial 00", "trial 02", "trial 03"}  # best, median, worst
    assert {trial["clip"] for trial in key["trials"]} == {"clip-1"}  # what all of them said
    assert len(key["trials"]) == 3
    assert 'href="ab/index.html"' in (tmp_path / "report" / "index.html").read_text()
    assert "trial 0" not in (tmp_path / "report" / "ab" / "index.html").read_text()
    (tmp_path / "report" / "ab" / "results").mkdir()
    Study(tmp_path, sweep, run, {"path": "/data/a", "digest": "0"}, board).write()
    assert read_json(tmp_path / "report" / "ab" / "key.json") == key  # somebody listened to it

    rows += [Row("04", {"optim.generator.lr": 1e-3}, rows[0].run, part="confirm", scores={"val/mel": 0.1}),
             Row("05", {}, rows[1].run, part="confirm", scores={"val/mel": 0.3})]  # fmt: skip
    assert heard.blind_test(board, tmp_path / "confirmed")
    names = set(read_json(tmp_path / "confirmed" / "key.json")["names"].values())
    assert names == {"the best, confirmed", "the recipe's own values"}


def test_without_sounds_there_is_no_blind_test(tmp_path):
    sweep, run = load_sweep(SWEEP)
    row = Row("00", {}, str(tmp_path / "gone"), status="finished", scores={"val/mel": 0.2})
    board = Board([row], "val/mel", "min")
    document = Study(tmp_path, sweep, run, {"path": "/data/a", "digest": "0"}, board).write()
    assert document["ab"] is None
    assert not (tmp_path / "report" / "ab").exists()
    assert "Listen without knowing" not in (tmp_path / "report" / "index.html").read_text()


def seeded(config: dict[str, Any], scores: list[float | None], part: str = "search") -> list[Row]:
    """Rows of one sample; None: it diverged."""
    return [
        Row("", config, "", seed=seed, part=part, scores={} if score is None else {"val/mel": score},  # type: ignore[arg-type]
            status="diverged" if score is None else "finished")
        for seed, score in enumerate(scores)
    ]  # fmt: skip


def numbered(*groups: list[Row]) -> Board:
    rows = [row for group in groups for row in group]
    for number, row in enumerate(rows):
        row.id = f"{number:02}"
    return Board(rows, "val/mel", "min")


def test_a_sample_is_judged_by_the_mean_of_its_seeds():
    board = numbered(seeded({"a": 1}, [0.1, 0.9]), seeded({"a": 2}, [0.4, 0.42]))
    assert board.winner.config == {"a": 2}
    assert board.best is board.rows[2]


def test_a_sample_that_diverged_with_one_seed_comes_after_those_that_did_not():
    board = numbered(seeded({"a": 1}, [0.1, None]), seeded({"a": 2}, [0.4, 0.42]))
    assert [one.config for one in board.tried("search")] == [{"a": 2}, {"a": 1}]


def test_what_was_confirmed_decides(tmp_path):
    board = numbered(
        seeded({"optim.generator.lr": 1e-3}, [0.3]),
        seeded({"optim.generator.lr": 1e-4}, [0.4]),
        seeded({"optim.generator.lr": 1e-3}, [0.5, 0.6, 0.55], "confirm"),
        seeded({}, [0.45, 0.5, 0.52], "confirm"),
    )
    assert board.winner.config == {}, "the recipe's own values were better than the luckiest trial of the search"
    sweep, run = load_sweep(SWEEP)
    study = Study(tmp_path, sweep, run, {"path": "/data/a", "digest": "0"}, board, {"recording": {"val/mel": 0.0}})
    document = study.write()
    written = (tmp_path / "best_recipe.yaml").read_text()
    assert "nothing better than the values of the recipe itself" in written
    assert load_run(tmp_path / "best_recipe.yaml").optim == run.optim
    own, other = document["confirmed"]
    assert own["mean"] == pytest.approx(0.49)
    # Student's t with two degrees of freedom: 4.3027.
    assert own["high"] - own["mean"] == pytest.approx(4.3027 * np.std([0.45, 0.5, 0.52], ddof=1) / 3**0.5, rel=1e-4)
    assert other["config"] == {"optim.generator.lr": 1e-3}
    page = (tmp_path / "report" / "index.html").read_text()
    assert "How sure is it" in page
    assert "the recordings" in page
    again = Study.read(tmp_path)
    assert again.board.rows == board.rows
    assert again.scale == study.scale


def test_the_front_holds_what_nothing_beats():
    points = [(1.0, 5.0), (2.0, 6.0), (2.0, 4.0), (3.0, 6.0), (1.5, 5.0)]
    assert front(points, [True, False]) == [0, 1]
    assert front(points, [True, True]) == [0, 2]
    assert front([(1.0, 1.0), (1.0, 1.0)], [True, True]) == [0, 1], "equals don't beat each other"


def test_a_page_of_several_measures_shows_their_front():
    sweep, run = load_sweep(SWEEP | {"metric": {"val/mel": 1, "val/stft": 1}, "search": "pareto", "samples": 2,
                                     "set": SWEEP["set"] | {"validation.measures": ["mel", "stft"]}})  # fmt: skip
    rows = seeded({"optim.generator.lr": 1e-4}, [0.1, 0.2, 0.3])
    for row, stft in zip(rows, (0.3, 0.1, 0.4), strict=True):
        row.scores |= {"val/stft": stft, "val/score": row.scores["val/mel"] + stft}
    board = Board(numbered(rows).rows, "val/score", "min")
    sections = report.page(sweep, run, board, {"path": "d", "digest": "0"}, {}).sections
    table = next(section for section in sections if section.heading == "Nothing beats these in all measures")
    assert [row[0] for row in table.rows] == ["00", "01"]
    assert "val/mel and val/stft" in [section.heading for section in sections]


def test_a_populations_page_shows_its_lineage():
    rows = seeded({"optim.generator.lr": 1e-4}, [0.1, 0.2])
    board = numbered(rows)
    for row in rows:
        row.history = [(5, 0.5 + row.seed), (10, 0.4)]
        row.moves = [{"step": 0, "from": None, "config": row.config}]
    rows[1].moves.append({"step": 5, "from": "00", "config": {"optim.generator.lr": 2e-4}})
    sweep, run = load_sweep(SWEEP)
    page = report.page(sweep, run, board, {"path": "d", "digest": "0"}, {})
    assert "Lineage" in [section.heading for section in page.sections]
    assert page.html().count("data:image/png") >= 2


def test_the_cost_tells_early_stops_and_what_was_no_training():
    sweep, run = load_sweep(SWEEP | {"resources": {"num_workers": 2, "cpus_per_worker": 4}})
    rows = numbered(seeded({"a": 1}, [0.1]), seeded({"a": 2}, [0.2])).rows
    rows[0].step, rows[0].took_s, rows[0].trained_s = 10, 100, 88
    rows[1].step, rows[1].took_s, rows[1].status = 5, 50, "stopped"
    its = report.cost(sweep, run, Board(rows, "val/mel", "min"))
    assert its["cpu_hours"] == pytest.approx(150 / 3600 * 8, abs=1e-3)
    assert its["overhead_s_per_trial"] == 12
    assert its["spared_percent"] == 25
