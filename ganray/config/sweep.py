"""`SweepConfig`: which keys of a recipe are tried with which values, judged by what, within which budget."""

import math
import random
import re
from typing import Any, Literal

from pydantic import Field

from ganray.config.run import Count, ResourcesConfig
from ganray.config.schema import Schema
from ganray.errors import Problem

OWNED = ("name", "schedule.max_steps", "schedule.max_minutes", "resources")
"""Keys that a sweep decides itself, and may not search."""
FORMS = ("choice", "uniform", "loguniform", "randint")
"""Of `Values`."""
SCORE = "val/score"
"""What a weighted sum of measures is called."""


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

    def probes(self) -> list[Any]:
        """Values that must be allowed for all to be: every choice, or both ends and one between."""
        if self.choice is not None:
            return list(self.choice)
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
            step = "choice lists its values one by one"
            return [Problem("step", self.step, step, "leave it out")] if self.step is not None else []
        low, high = getattr(self, given[0])
        if low >= high:
            return [Problem(given[0], [low, high], f"{low:g} is not below {high:g}", "write [low, high]")]
        if self.step is not None and self.step > high - low:
            return [Problem("step", self.step, f"is more than {high:g} - {low:g}", "use a smaller step")]
        if given == ["loguniform"] and low <= 0:
            return [Problem(given[0], [low, high], f"{low:g} has no logarithm", "use a positive low, or uniform")]
        return []


class BudgetConfig(Schema):
    """What every trial may use at most; with both, whichever is reached first."""

    steps: int | None = Field(None, ge=1)
    """Updates of each trial."""
    minutes: float | None = Field(None, gt=0)
    """Minutes of training of each trial."""
    total_minutes: float | None = Field(None, gt=0)
    """Minutes of the whole sweep; trials that still run then are stopped, and judged by what they have."""


class SchedulerConfig(Schema):
    """Which trials are stopped before their budget is used."""

    type: Literal["asha", "median", "fifo"] = "asha"
    """`asha`: the worse part stops at every rung (Li et al. 2020). `median`: who is worse than the middle of the others
    so far stops (Golovin et al. 2017). `fifo`: none stops."""
    grace_ratio: float = Field(0.25, gt=0, le=1)
    """Part of the budget that every trial may use: with `asha` the first rung."""
    reduction_factor: float = Field(2, gt=1)
    """`asha`: at a rung the best 1/n go on; the next rung is n times as far."""


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
    search: Literal["random", "grid"] = "random"
    """`random`: independent samples. `grid`: every combination; all keys need `choice`."""
    budget: BudgetConfig
    """Of each trial."""
    scheduler: SchedulerConfig = SchedulerConfig()
    """Early stopping."""
    concurrency: int | None = Field(None, ge=1)
    """Most trials at once; without it as many as the cluster holds."""
    resources: ResourcesConfig | None = None
    """What each trial takes from the cluster; without it what the recipe says."""
    seed: int = Field(1, ge=0, lt=2**31)
    """Of the search. Trials train with the recipe's own seed, so that they differ in nothing else."""

    @property
    def weights(self) -> dict[str, float]:
        """Measure → weight, of what judges."""
        return {self.metric: 1.0} if isinstance(self.metric, str) else self.metric

    @property
    def score(self) -> str:
        """Name of what judges: the measure's, or that of the sum."""
        return self.metric if isinstance(self.metric, str) else SCORE

    @property
    def num_trials(self) -> int:
        """How many trials there will be."""
        if self.search == "random":
            return self.samples or 1
        return math.prod(len(values.choice or ()) for values in self.space.values())


def sweep_rules(sweep: SweepConfig) -> list[Problem]:
    """Cross-field rules that need no recipe."""
    problems = [
        Problem(".".join(filter(None, ["space", key, p.path])), p.value, p.rule, p.mend)
        for key, values in sweep.space.items()
        for p in values.rules()
    ]
    for group in ("space", "set"):
        problems += [
            Problem(f"{group}.{key}", None, "is decided by the sweep", "use the sweep's budget, resources or name")
            for key in getattr(sweep, group)
            if any(key == owned or key.startswith(f"{owned}.") for owned in OWNED)
        ]
    problems += [
        Problem(f"set.{key}", sweep.set[key], "is in space too", "leave one of them out")
        for key in sweep.space
        if key in sweep.set
    ]
    for name, weight in sweep.weights.items():
        if not re.fullmatch(r"val/[a-z0-9_]+", name) or name == SCORE:
            problems.append(Problem("metric", name, "is no held-out measure", "its name is like val/mel"))
        elif not weight or not math.isfinite(weight):
            problems.append(Problem(f"metric.{name}", weight, "weighs nothing", "give a number, or leave it out"))
    if not sweep.weights:
        problems.append(Problem("metric", {}, "judges nothing", "name a measure: val/mel"))
    if sweep.search == "random" and sweep.samples is None:
        problems.append(Problem("samples", None, "a random search needs a number of trials", "add samples: 8"))
    if sweep.search == "grid":
        if sweep.samples is not None:
            problems.append(Problem("samples", sweep.samples, "a grid has as many trials as points", "leave it out"))
        problems += [
            Problem(f"space.{key}", None, "a grid needs a list of values", "give choice, or use search: random")
            for key, values in sweep.space.items()
            if values.choice is None
        ]
    if sweep.budget.steps is None and sweep.budget.minutes is None:
        problems.append(Problem("budget", None, "trials would never end", "set budget.steps or budget.minutes"))
    return problems
