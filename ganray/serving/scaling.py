"""How many replicas speech needs: enough that what is promised is made in time, and nobody who listens hears a gap.

Counting requests, as Ray does, takes a word for as much as a chapter, and a voice of 20 times real time for as fast as
one of 200. Nor does a voice's own speed tell what a replica can do: on a busy machine half of it goes elsewhere. So a
replica that works nearly all the time is one too few, whatever it makes; and so is one whose listeners wait long for
their turn, whatever the reason. Bounds and delays stay Ray's own.
"""

from collections.abc import Mapping
from typing import Any

from ray.serve.config import AutoscalingContext

from ganray.serving.backlog import CHARACTERS_PER_S

MOST_AT_ONCE = 2.0
"""Times as many replicas: what a wait says of more is guessed."""
QUEUED_S = 75 / CHARACTERS_PER_S
"""Audio seconds of a request that no replica has seen yet: a sentence of the usual length."""


class OnBacklog:
    """The policy.

    Args:
        drain_s: In how many seconds all that is promised shall be made.
        use: Of each replica's time, which share may be work: 1 leaves nothing for the next who comes.
        first_wait_s: How long listeners may wait for their turn before their first audio.
    """

    def __init__(self, drain_s: float = 1.0, use: float = 0.75, first_wait_s: float = 0.25) -> None:
        self._drain_s, self._use, self._first_wait_s = drain_s, use, first_wait_s

    def __call__(self, ctx: AutoscalingContext) -> tuple[float, dict[str, Any]]:
        """Replicas that are needed, in parts of one, and nothing to remember."""
        metrics = ctx.aggregated_metrics or {}
        streams, backlog = _sum(metrics, "streams"), _sum(metrics, "backlog_s")
        speeds = [speed for speed in metrics.get("speed", {}).values() if speed > 0]
        queued = float(ctx.total_queued_requests or 0)
        if not speeds:  # nothing was measured yet: one for whoever waits
            return float(min(1, ctx.total_num_requests)), {}
        speed = sum(speeds) / len(speeds)
        needed = self.needed(_sum(metrics, "busy"), streams + queued, backlog + queued * QUEUED_S, speed)
        waits = list(metrics.get("waited_s", {}).values())
        return max(needed, self.against(sum(waits) / len(waits), ctx.current_num_replicas) if waits else 0.0), {}

    def against(self, waited_s: float, replicas: int) -> float:
        """Replicas that bring a wait for first audio down: as many times more as it is too long, twice at most at a
        time. None, where it is not."""
        late = waited_s / self._first_wait_s
        return replicas * min(late, MOST_AT_ONCE) if late > 1 else 0.0

    def needed(self, busy: float, streams: float, backlog_s: float, speed: float) -> float:
        """Replicas for the work of `busy` whole ones, `streams` listeners and `backlog_s` audio seconds, when one makes
        `speed` a second."""
        return max(busy / self._use, streams / (speed * self._use), backlog_s / (speed * self._drain_s))


def _sum(metrics: Mapping[str, Mapping[Any, float]], name: str) -> float:
    return sum(metrics.get(name, {}).values())
