"""The head of a sweep's page: the best trial beside what measures the scale, and how sure it is that it is the best."""

from ganray.config.sweep import SweepConfig
from ganray.metrics.intervals import student
from ganray.metrics.page import Table
from ganray.tuning.board import Board, Row, Tried
from ganray.tuning.trials import Sample

SCALE = {"recording": "the recordings", "griffin_lim": "Griffin-Lim copies"}
"""Rows of the scale, as they are told."""
COMPARED = 5
"""Samples that are compared over their seeds."""
OWN = "the recipe's own values"
_DIFFERENCE = "The difference is taken seed by seed. An interval that holds 0 says: this sweep does not know. "
_CONFIRMED = "Trained once more with seeds that the search had not seen, for the whole budget. " + _DIFFERENCE
_REPEATED = (
    f"The best samples, each trained with the same seeds. {_DIFFERENCE}They were chosen by these very scores, which "
    "flatters the first one: confirm trains it anew."
)


def verdict(sweep: SweepConfig, board: Board, scale: dict[str, dict[str, float]]) -> list[Table]:
    """Who won, and how sure that is; empty where no trial has a score."""
    best = board.best
    if best is None:
        return []
    names = measures(board)
    rows = [[f"trial {best.id}: {told(best.config) or OWN}", *(figure(best.scores, name) for name in names)]]
    rows += [[SCALE[name], *(figure(its, name) for name in names)] for name, its in scale.items()]
    first = Table("The best", ["", *names], rows, note=_how_sure(sweep, board), highlight=0)
    return [first, *_seeds(board, scale)]


def measures(board: Board) -> list[str]:
    """What was measured of any trial, first what judges."""
    names = dict.fromkeys(name for row in board.rows for name in row.scores)
    return [board.metric, *(name for name in names if name != board.metric)]


def figure(scores: dict[str, float], name: str) -> str:
    """A measure's value as a table shows it."""
    return f"{scores[name]:.3f}" if name in scores else "–"


def told(sample: Sample) -> str:
    """A sample in words: `optim.generator.lr = 0.001, …`."""
    return ", ".join(f"{key} = {value:.3g}" if isinstance(value, float) else f"{key} = {value}"
                     for key, value in sample.items())  # fmt: skip


def _how_sure(sweep: SweepConfig, board: Board) -> str:
    """In a sentence or two."""
    if board.tried("confirm"):
        return "It was trained once more beside the recipe's own values: see below."
    tried = board.tried("search")
    lead = abs(tried[0].mean - tried[1].mean) if len(tried) > 1 else None
    if len(tried[0].values) > 1:
        return "Judged by the mean of its seeds: see below."
    if lead is None:
        return "It is the only one with a score."
    return (
        f"Trained once, it leads the next one by {lead:.3g}. How much of that is luck, one training does not say: "
        "seeds trains every sample several times, confirm the best one."
    )


def _seeds(board: Board, scale: dict[str, dict[str, float]]) -> list[Table]:
    """What was trained with several seeds, each with its interval and its difference to what it has to beat."""
    confirmed = board.tried("confirm")
    tried = confirmed or [one for one in board.tried("search")[:COMPARED] if len(one.rows) > 1]
    if not tried or not any(len(one.values) > 1 for one in tried):
        return []
    rival = next((one for one in tried if not one.config), None) if confirmed else tried[0]
    rows = []
    for one in tried:
        pairs = [] if rival is None or one is rival else _pairs(one.rows, rival.rows, board.metric)
        rows.append([told(one.config) or OWN, str(student(one.values)), _each(one),
                     _difference(pairs)])  # fmt: skip
    rows += [[SCALE[name], f"{its[board.metric]:.3g}", "", ""] for name, its in scale.items() if board.metric in its]
    note = _CONFIRMED if confirmed else _REPEATED
    against = "more than the recipe's own" if confirmed else "more than the first"
    heads = ["values", f"{board.metric}, mean and 95 %", "each seed", against]
    return [Table("How sure is it", heads, rows, note=note, highlight=0)]


def _difference(pairs: list[float]) -> str:
    """A mean difference with its interval, and the signs that it is read for."""
    if len(pairs) < 2:
        return "–"
    its = student(pairs)
    return f"{its.mean:+.3f} ({its.low:+.3f} to {its.high:+.3f})"


def _each(one: Tried) -> str:
    return ", ".join(f"{value:.3f}" for value in one.values)


def _pairs(ours: list[Row], theirs: list[Row], metric: str) -> list[float]:
    other = {row.seed: row.scores[metric] for row in theirs if metric in row.scores}
    return [row.scores[metric] - other[row.seed] for row in ours if metric in row.scores and row.seed in other]
