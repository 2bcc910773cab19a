"""Where the first worker tells how it goes and hears whether to stop: a tiny actor between it and the driver."""

from typing import Any

import ray


@ray.remote(num_cpus=0)
class Board:
    """The newest news of one run."""

    def __init__(self) -> None:
        self.news: dict[str, Any] = {}
        self.stopping = False

    def tell(self, news: dict[str, Any]) -> bool:
        """Put up news; whether the run is asked to stop."""
        self.news |= news
        return self.stopping

    def read(self) -> dict[str, Any]:
        """The newest of every kind."""
        return self.news

    def stop(self) -> None:
        """Ask the run to write a checkpoint and end."""
        self.stopping = True


class Pin:
    """The worker's side of a board: tells without waiting, at most twice a second.

    Args:
        board: Handle of the actor; None: nobody listens.
    """

    def __init__(self, board: Any) -> None:
        self._board, self._answer, self.stopping = board, None, False

    def tell(self, **news: Any) -> None:
        """Put up news, and notice a wish to stop."""
        if self._board is None:
            return
        if self._answer is not None:
            ready, _ = ray.wait([self._answer], timeout=0)
            if not ready:
                return
            self.stopping = self.stopping or ray.get(self._answer)
        self._answer = self._board.tell.remote(news)
