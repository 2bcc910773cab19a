"""Which values the next trial tries, where a search learns from those that ended."""

import warnings
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ray.tune.search import Searcher

from ganray.config.sweep import SweepConfig, Values
from ganray.errors import UsageError
from ganray.tuning.board import Board, Row
from ganray.tuning.trials import Sample, drawn

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

PATIENCE = 20
"""Times that the estimator is asked for a sample that was not tried; then one is drawn."""


class Waiting(Searcher):
    """Hands Tune the rows that wait, one after the other, whenever there is room for one more.

    Args:
        sweep: What is asked.
        board: All trials.
        until: Where each stops for now: {"until": STEP} or {"until_minutes": M}.
    """

    def __init__(self, sweep: SweepConfig, board: Board, until: dict[str, float] | None = None) -> None:
        super().__init__(metric=board.metric, mode=board.mode)
        self._sweep, self._board, self._until = sweep, board, until
        self._left = deque(row for row in board.rows if row.status == "waiting")

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        """The next row, as the `config` of `trial`."""
        if not self._left:
            return Searcher.FINISHED
        row = self._left.popleft()
        if not row.config and row.part == "search":
            row.config = self._chosen(row)
        return {"number": int(row.id), "sample": row.config, "seed": row.seed, "until": self._until}

    def _chosen(self, row: Row) -> Sample:
        """What the sample's other seeds try; else something new."""
        seeds = len(self._sweep.seeds or (None,))
        first = int(row.id) // seeds * seeds
        return self._board.rows[first].config or suggest(self._sweep, self._board.rows, int(row.id))

    def on_trial_complete(self, trial_id: str, result: dict | None = None, error: bool = False) -> None:
        """The board knows already."""

    def save(self, checkpoint_path: str) -> None:
        """Everything is in `sweep.json`."""

    def restore(self, checkpoint_path: str) -> None:
        """Everything is in `sweep.json`."""


def suggest(sweep: SweepConfig, rows: Sequence[Row], number: int) -> Sample:
    """The sample for trial `number`, by Optuna's tree-structured Parzen estimator.

    It depends on the sweep's seed, the number and the rows alone: a sweep that is taken up again goes on as if it had
    not been interrupted.

    Args:
        sweep: With `search: tpe` or `pareto`.
        rows: All trials; of those that still run only the values count. What any of them tries is not tried again:
            with the same seed it would give the same.
        number: Of the trial.

    Source: Bergstra, Bardenet, Bengio and Kégl, "Algorithms for Hyper-Parameter Optimization", NIPS 2011; for several
    measures Ozaki et al., "Multiobjective Tree-Structured Parzen Estimator", JAIR 73, 2022.
    """
    optuna = the_library()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=sweep.seed + 1000 * number, constant_liar=True)
    several = sweep.search == "pareto"
    lower = [(sweep.mode == "min") == (weight > 0) for weight in sweep.weights.values()]
    directions = ["minimize" if low else "maximize" for low in (lower if several else [sweep.mode == "min"])]
    study = optuna.create_study(sampler=sampler, directions=directions)
    distributions = {key: _distribution(values) for key, values in sweep.space.items()}
    study.add_trials([_told(sweep, row, distributions) for row in rows if row.config and row.part == "search"])
    tried = [row.config for row in rows if row.config and row.part == "search"]
    for _ in range(PATIENCE):  # each that is asked for again counts as one that runs: the next lies elsewhere
        asked = study.ask(distributions)
        sample = {key: _value(values, asked.params[key]) for key, values in sweep.space.items()}
        if sample not in tried:
            return sample
    return next((sample for sample in drawn(sweep) if sample not in tried), sample)


def the_library() -> Any:
    """Optuna.

    Raises:
        UsageError: It is not there.
    """
    try:
        import optuna
    except ImportError as error:
        raise UsageError("search: tpe and pareto need Optuna", mend='pip install "ganray[optuna]"') from error
    return optuna


def _told(sweep: SweepConfig, row: Row, distributions: "dict[str, BaseDistribution]") -> "FrozenTrial":
    """What Optuna hears of a trial. One that gave no score is as bad as can be."""
    from optuna.trial import TrialState, create_trial

    parameters = {key: _parameter(sweep.space[key], value) for key, value in row.config.items()}
    names = list(sweep.weights) if sweep.search == "pareto" else [sweep.score]
    score = [row.scores[name] for name in names if name in row.scores and row.status != "diverged"]
    told: dict[str, Any] = {"params": parameters, "distributions": distributions}
    if row.status in ("waiting", "running"):
        return create_trial(state=TrialState.RUNNING, **told)
    if len(score) < len(names):
        state = TrialState.FAIL if sweep.search == "pareto" else TrialState.PRUNED
        return create_trial(state=state, **told)
    if row.status == "finished" or sweep.search == "pareto":
        return create_trial(values=score, **told)
    return create_trial(state=TrialState.PRUNED, intermediate_values=dict([row.history[-1]]), **told)


def _ordered(values: Values) -> list[Any] | None:
    """The choices, lowest first, where they are numbers: then what lies between two good ones is worth a try."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values.choice or ())
    return sorted(values.choice) if values.choice and numbers else None


def _distribution(values: Values) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if values.choice is not None:
        last = len(values.choice) - 1
        return IntDistribution(0, last) if _ordered(values) else CategoricalDistribution(range(last + 1))
    if values.randint is not None:
        return IntDistribution(*values.randint)
    low, high = values.uniform or values.loguniform or (0.0, 1.0)
    return FloatDistribution(low, high, log=values.loguniform is not None)


def _value(values: Values, parameter: Any) -> Any:
    """What Optuna's parameter means."""
    if values.choice is not None:
        return (_ordered(values) or list(values.choice))[parameter]
    return values.rounded(parameter)


def _parameter(values: Values, value: Any) -> Any:
    """What a value is to Optuna."""
    if values.choice is not None:
        return (_ordered(values) or list(values.choice)).index(value)
    return value
