"""A pipeline's YAML: verbs one after the other, each of which may use what the earlier ones gave."""

import re

from pydantic import Field

from ganray.config.schema import Schema
from ganray.errors import Problem

REFERENCE = re.compile(r"\{([a-z][a-z_0-9]*(?:\.\w+)*)\}")
"""`{name}`, `{storage}`, or `{STEP.KEY.KEY}`: a value of the JSON document that an earlier step printed."""
OWN = ("name", "storage")


class StepConfig(Schema):
    """One verb."""

    run: str = Field(min_length=1)
    """The command; `--json` is added."""
    resume: str = ""
    """The command instead, where the step was begun and did not end."""
    at_least: dict[str, float] = Field(default_factory=dict)
    """Begin only where these values of earlier steps are so high: {evaluate.scores.pesq.mean: 2.5}."""
    at_most: dict[str, float] = Field(default_factory=dict)
    """Begin only where these are so low."""

    @property
    def uses(self) -> set[str]:
        """All values that it refers to."""
        return {*REFERENCE.findall(self.run), *REFERENCE.findall(self.resume), *self.at_least, *self.at_most}


class PipelineConfig(Schema):
    """Steps in their order."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    """By which it is taken up again: what ended under this name is not done again."""
    storage: str
    """Folder or URI that every machine sees; what ended is written to pipelines/NAME in it."""
    steps: dict[str, StepConfig] = Field(min_length=1)


def pipeline_rules(pipeline: PipelineConfig) -> list[Problem]:
    """A step may use what came before it."""
    found, known = [], set(OWN)
    for name, step in pipeline.steps.items():
        for used in sorted(step.uses):
            if used.split(".")[0] not in known:
                mend = f"known here: {', '.join(sorted(known))}"
                found.append(Problem(f"steps.{name}", used, f"{{{used}}} is no step before it", mend))
        if name in OWN or not re.fullmatch(r"[a-z][a-z_0-9]*", name):
            found.append(Problem(f"steps.{name}", name, "is no name for a step", "lower-case letters, digits and _"))
        known.add(name)
    return found
