"""A search that learns: where it looks next, and that nothing but what is known decides it."""

import math
import random
import sys
from typing import Any

import pytest
from ray.tune.search import Searcher

from ganray.config import load
from ganray.config.sweep import SweepConfig
from ganray.config.sweep_rules import sweep_rules
from ganray.errors import UsageError
from ganray.tuning import tune
from ganray.tuning.board import Board, Row
from ganray.tuning.search import Waiting, suggest

LR, BLOCKS, KIND = "optim.generator.lr", "generator.blocks", "schedule.decay"


def sweep_of(**changes: Any) -> SweepConfig:
    document = {
        "name": "learns",
        "recipe": "source_filter_small",
        "space": {
            LR: {"loguniform": [1e-5, 1e-2]},
            BLOCKS: {"choice": [8, 2, 4]},
            KIND: {"choice": ["cosine", "linear"]},
            "objective.weights.mel": {"uniform": [5, 45], "step": 5},
        },
        "search": "tpe",
        "samples": 40,
        "budget": {"steps": 10},
    }
    return load(SweepConfig, document | changes, rules=sweep_rules)


def distance(sample: dict[str, Any]) -> float:
    """What the tests search: the best rate is 1e-3, the best number of blocks 4."""
    return abs(math.log10(sample[LR]) + 3) + abs(math.log2(sample[BLOCKS]) - 2) / 4


def row(number: int, sample: dict[str, Any], score: float | None, status: str = "finished") -> Row:
    scores = {} if score is None else {"val/mel": score}
    history = [] if score is None else [(10, score)]
    return Row(f"{number:02}", sample, "", scores=scores, status=status, history=history)


def searched(sweep: SweepConfig, num: int) -> list[Row]:
    rows: list[Row] = []
    for number in range(num):
        sample = suggest(sweep, rows, number)
        rows.append(row(number, sample, distance(sample)))
    return rows


def test_what_is_suggested_is_in_the_space():
    sweep = sweep_of()
    for tried in searched(sweep, 25):
        for key, values in sweep.space.items():
            value = tried.config[key]
            if values.choice is not None:
                assert value in values.choice
            else:
                low, high = getattr(values, values.form)
                assert low <= value <= high
        assert tried.config["objective.weights.mel"] % 5 == 0


def test_it_looks_where_the_better_ones_were():
    sweep, chance = sweep_of(), random.Random(1)
    learned = [distance(tried.config) for tried in searched(sweep, 40)[20:]]
    blind = [distance({key: values.draw(chance) for key, values in sweep.space.items()}) for _ in range(200)]
    assert sum(learned) / len(learned) < 0.7 * sum(blind) / len(blind)


def test_the_same_knowledge_gives_the_same_suggestion():
    sweep = sweep_of()
    rows = searched(sweep, 12)
    assert suggest(sweep, rows, 12) == suggest(sweep, [Row(**r.document()) for r in rows], 12)
    assert suggest(sweep, rows, 12) != suggest(sweep, rows, 13)


def test_where_trials_diverge_it_looks_less():
    sweep, chance = sweep_of(), random.Random(3)
    rows = []
    for number in range(40):
        sample = {key: values.draw(chance) for key, values in sweep.space.items()}
        bad = sample[LR] > 3e-4
        rows.append(row(number, sample, 0.1 if bad else 1.0, "diverged" if bad else "finished"))
    rates = [suggest(sweep, rows, number)[LR] for number in range(40, 70)]
    assert sum(rate > 3e-4 for rate in rates) < 10, "half of the space diverges"


def test_nothing_is_tried_twice_ended_or_running():
    sweep = sweep_of(space={BLOCKS: {"choice": [2, 4, 8, 16]}, KIND: {"choice": ["cosine", "linear"]}}, samples=8)
    rows: list[Row] = []
    for number in range(8):
        sample = suggest(sweep, rows, number)
        score = abs(math.log2(sample[BLOCKS]) - 2)
        rows.append(row(number, sample, None, "running") if number % 3 == 0 else row(number, sample, score))
    assert len({(r.config[BLOCKS], r.config[KIND]) for r in rows}) == 8, "all that there is"


def test_what_runs_is_kept_away_from():
    sweep = sweep_of(space={LR: {"loguniform": [1e-5, 1e-2]}})
    ended = [row(i, {LR: 10 ** (-5 + i / 5)}, distance({LR: 10 ** (-5 + i / 5), BLOCKS: 4})) for i in range(15)]
    running = [row(15 + i, {LR: 1e-3 * (1 + i / 100)}, None, "running") for i in range(6)]
    alone = [suggest(sweep, ended, number)[LR] for number in range(15, 45)]
    beside = [suggest(sweep, ended + running, number)[LR] for number in range(15, 45)]
    near = [sum(abs(math.log10(rate) + 3) < 0.1 for rate in rates) for rates in (alone, beside)]
    assert near[1] < near[0]


def test_several_measures_are_searched_each_by_itself():
    sweep = sweep_of(search="pareto", metric={"val/mel": 1, "val/pesq": -1}, space={LR: {"loguniform": [1e-5, 1e-2]}})
    rows: list[Row] = []
    for number in range(40):
        sample = suggest(sweep, rows, number)
        place = math.log10(sample[LR])
        told = row(number, sample, None)
        told.scores = {"val/mel": abs(place + 4), "val/pesq": 4 - abs(place + 3)}
        rows.append(told)
    inside = sum(1e-4 <= r.config[LR] <= 1e-3 for r in rows[20:])
    assert inside >= 12, "a third of the space; all of it is the front"


def test_all_seeds_of_a_sample_try_the_same():
    sweep = sweep_of(seeds=[1, 2], samples=3)
    rows = [Row(f"{i:02}", {}, "", seed=1 + i % 2) for i in range(6)]
    waiting = Waiting(sweep, Board(rows, "val/mel", "min"), until={"until": 7})
    asked = [waiting.suggest(str(i)) for i in range(6)]
    assert waiting.suggest("6") == Searcher.FINISHED
    assert [one["seed"] for one in asked] == [1, 2] * 3
    assert [one["number"] for one in asked] == list(range(6))
    assert all(one["until"] == {"until": 7} for one in asked)
    assert all(asked[i]["sample"] == asked[i + 1]["sample"] != {} for i in (0, 2, 4))
    assert asked[0]["sample"] != asked[2]["sample"]


@pytest.mark.parametrize("search", ["tpe", "pareto"])
def test_without_its_library_the_mend_is_told(search, monkeypatch, dataset, tmp_path):
    monkeypatch.setitem(sys.modules, "optuna", None)
    document = sweep_of().model_dump(mode="json", exclude_none=True)
    document |= {"search": search, "set": {"validation.measures": ["mel", "stft"], "checkpoint.measure": "mel",
                 "validation.every_steps": 5}, "metric": {"val/mel": 1, "val/stft": 1}}  # fmt: skip
    with pytest.raises(UsageError, match="need Optuna") as caught:
        tune(document, dataset, storage=tmp_path)
    assert "ganray[optuna]" in str(caught.value)
