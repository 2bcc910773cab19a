"""`SweepConfig`: which keys of a recipe are tried with which values, judged by what, within which budget."""

import math
import random
from typing import Any, Literal

from pydantic import Field

from ganray.config.run import Count, ResourcesConfig
from ganray.config.schema import Schema
from ganray.errors import Problem

OWNED = ("name", "schedule.max_steps", "schedule.max_minutes", "resources")
"""Keys that a sweep decides itself, and may not search."""
FORMS = ("choice", "uniform", "loguniform", "randint")
"""Of `Values`."""
JUDGING = ("validation", "checkpoint.measure")
"""Keys that say how trials are judged: the same for all of them."""
CONTRACT = "audio"
"""Keys that the dataset decides, which is the same for all trials."""
SCORE = "val/score"
"""What a weighted sum of measures is called."""
MOST_POINTS = 10_000
"""Of a grid."""
MOST_PROBES = 64
"""Values of a range with steps that are all tried on the recipe; of more, only both ends and one between."""


class Values(Schema):
    """The values of one key; exactly one of the forms."""

    choice: tuple[Any, ...] | None = Field(None, min_length=1)
    """Any of these."""
    uniform: tuple[float, float] | None = None
    """[low, high], every value as likely."""
    loguniform: tuple[float, float] | None = None
    """[low, high], every order of magnitude as likely."""
    randint: tuple[int, int] | None = None
    """[low, high], whole numbers, both ends included."""
    step: float | None = Field(None, gt=0)
    """Of a range: only low, low + step, low + 2 · step, …"""

    @property
    def form(self) -> str:
        """Name of the form that is given, of the first if several are; empty if none is."""
        return next((name for name in FORMS if getattr(self, name) is not None), "")

    @property
    def num_points(self) -> int | None:
        """How many values there are; None where a range has no steps."""
        if self.choice is not None:
            return len(self.choice)
        low, high = getattr(self, self.form)
        step = self.step or (1 if self.randint is not None else None)
        return step and math.floor((high - low) / step + 1e-9) + 1

    @property
    def points(self) -> list[Any]:
        """All values, of choices and of ranges with steps."""
        if self.choice is not None:
            return list(self.choice)
        low, _ = getattr(self, self.form)
        return [self.rounded(low + place * (self.step or 1)) for place in range(self.num_points or 0)]

    def probes(self) -> list[Any]:
        """Values that must be allowed for all to be: every one of a few, or both ends and one between."""
        if self.choice is not None or (self.num_points or math.inf) <= MOST_PROBES:
            return self.points
        low, high = getattr(self, self.form)
        inner = low + (high - low) * 0.382
        return [self.rounded(value) for value in (low, high, inner)]

    def draw(self, generator: random.Random) -> Any:
        """One of the values at random."""
        if self.choice is not None:
            return generator.choice(self.choice)
        if self.randint is not None:
            return self.rounded(generator.randint(*self.randint))
        if self.uniform is not None:
            return self.rounded(generator.uniform(*self.uniform))
        low, high = self.loguniform or (1.0, 1.0)
        drawn = math.exp(generator.uniform(math.log(low), math.log(high)))
        return self.rounded(min(max(drawn, low), high))  # exp(log(low)) may round to just below low

    def rounded(self, value: float) -> Any:
        """To the nearest value that a range allows; whole where all of them are."""
        low, high = getattr(self, self.form)
        if self.step is not None:
            steps = min(round((value - low) / self.step), math.floor((high - low) / self.step + 1e-9))
            value = float(f"{low + steps * self.step:.12g}")  # 0.1 + 2 · 0.1 is 0.3
            return int(value) if isinstance(low, int) and self.step == int(self.step) else value
        return math.floor(value) if self.randint is not None else value

    def rules(self) -> list[Problem]:
        """What is wrong with the form."""
        given = [name for name in FORMS if getattr(self, name) is not None]
        if len(given) != 1:
            told = f"has {' and '.join(given)}" if given else "has no values"
            return [Problem("", given, told, f"give exactly one of {', '.join(FORMS)}")]
        if given == ["choice"]:
            return self._of_choices(self.choice or ())
        low, high = getattr(self, given[0])
        if low >= high:
            return [Problem(given[0], [low, high], f"{low:g} is not below {high:g}", "write [low, high]")]
        if self.step is not None and self.step > high - low:
            return [Problem("step", self.step, f"is more than {high:g} - {low:g}", "use a smaller step")]
        if given == ["loguniform"] and low <= 0:
            return [Problem(given[0], [low, high], f"{low:g} has no logarithm", "use a positive low, or uniform")]
        if given == ["randint"] and self.step is not None and self.step != int(self.step):
            return [Problem("step", self.step, "leads from whole numbers to others", "use a whole step, or uniform")]
        return []

    def _of_choices(self, choices: tuple[Any, ...]) -> list[Problem]:
        """What is wrong with a list of values."""
        problems = []
        if self.step is not None:
            problems.append(Problem("step", self.step, "choice lists its values one by one", "leave it out"))
        for place, value in enumerate(choices):
            if value in choices[:place]:
                rule = f"{value} is there twice, and would be trained twice"
                problems.append(Problem(f"choice.{place}", value, rule, "leave one out; seeds says how often to train"))
        return problems


class BudgetConfig(Schema):
    """What every trial may use at most; with both, whichever is reached first."""

    steps: int | None = Field(None, ge=1)
    """Updates of each trial."""
    minutes: float | None = Field(None, gt=0)
    """Minutes of training of each trial."""
    total_minutes: float | None = Field(None, gt=0)
    """Minutes of the whole sweep; trials that still run then are stopped, and judged by what they have."""


class SchedulerConfig(Schema):
    """Which trials are stopped before their budget is used, or changed on their way."""

    type: Literal["asha", "median", "fifo", "pbt"] = "asha"
    """`asha`: the worse part stops at every rung (Li et al. 2020). `median`: who is worse than the middle of the others
    so far stops (Golovin et al. 2017). `fifo`: none stops. `pbt`: after every generation the worse part goes on with
    copies of the better, and with values a little changed (Jaderberg et al. 2017)."""
    grace_ratio: float = Field(0.25, gt=0, le=1)
    """Part of the budget that every trial may use: with `asha` the first rung."""
    reduction_factor: float = Field(2, gt=1)
    """`asha`: at a rung the best 1/n go on; the next rung is n times as far."""
    generations: int = Field(8, ge=2)
    """`pbt`: parts that the budget, in steps or in minutes, is divided into."""
    quantile: float = Field(0.25, gt=0, le=0.5)
    """`pbt`: the part of the population that copies, and the part that is copied; at least one each."""
    factor: float = Field(1.2, gt=1)
    """`pbt`: a copied number is multiplied or divided by it; a choice moves to a neighbour."""
    resample: float = Field(0.25, ge=0, le=1)
    """`pbt`: how likely a value is drawn anew instead."""


class ConfirmConfig(Schema):
    """Training the best once more, to know how sure it is: the luckiest of many seeds looks better than it is."""

    best: int = Field(1, ge=1)
    """How many of the best samples; the recipe's own values are trained beside them."""
    seeds: tuple[int, ...] = Field((11, 12, 13), min_length=2)
    """Each of them is trained with each of these, for the whole budget."""


class SweepConfig(Schema):
    """Which keys of a recipe are tried with which values, judged by what, within which budget."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", examples=["my_sweep"])
    """Begins the sweep's folder name."""
    recipe: str = Field(examples=["source_filter_small"])
    """Name of a recipe in the box, or a YAML file."""
    set: dict[str, Any] = Field(default_factory=dict)
    """Dotted keys of the recipe changed for all trials, as --set does."""
    space: dict[str, Values] = Field(min_length=1, examples=[{"seed": {"choice": [1]}}])
    """Dotted keys of the recipe that differ between trials, with their values."""
    metric: str | dict[str, float] = Field("val/mel", examples=["val/mel"])
    """The held-out measure that trials are judged by, or several with their weights, whose sum judges; the recipe's
    validation must measure them."""
    mode: Literal["min", "max"] = "min"
    """Whether less or more of it is better."""
    samples: Count | None = None
    """Trials of a random search; a grid has as many as it has points."""
    search: Literal["random", "grid", "tpe", "pareto"] = "random"
    """`random`: independent samples, none twice. `grid`: every combination; all keys need `choice`, `randint` or a
    `step`. `tpe`: each sample is drawn where the better ones so far lie (Bergstra et al. 2011, by Optuna). `pareto`:
    the same, for each measure of `metric` by itself: what comes out is their front."""
    budget: BudgetConfig
    """Of each trial."""
    scheduler: SchedulerConfig = SchedulerConfig()
    """Early stopping, or population-based training."""
    seeds: tuple[int, ...] | None = Field(None, min_length=1)
    """Each sample is trained once with each of these, and its score is their mean; without them, once with the
    recipe's own."""
    confirm: ConfirmConfig | None = None
    """What is trained once more when the search is over."""
    concurrency: int | None = Field(None, ge=1)
    """Most trials at once; without it as many as the cluster holds."""
    resources: ResourcesConfig | None = None
    """What each trial takes from the cluster; without it what the recipe says."""
    seed: int = Field(1, ge=0, lt=2**31)
    """Of the search. Trials train with the recipe's own seed or with `seeds`, so that they differ in nothing else."""

    @property
    def weights(self) -> dict[str, float]:
        """Measure → weight, of what judges."""
        return {self.metric: 1.0} if isinstance(self.metric, str) else self.metric

    @property
    def score(self) -> str:
        """Name of what judges: the measure's, or that of the sum."""
        return self.metric if isinstance(self.metric, str) else SCORE

    @property
    def num_samples(self) -> int:
        """How many samples the search will try."""
        if self.search != "grid":
            return self.samples or 1
        return self.num_points or 0

    @property
    def num_points(self) -> int | None:
        """How many samples there can be; None where a range has no steps."""
        counts = [values.num_points for values in self.space.values()]
        return None if None in counts else math.prod(count or 0 for count in counts)

    @property
    def num_trials(self) -> int:
        """How many trials the search will have."""
        return self.num_samples * len(self.seeds or (None,))
