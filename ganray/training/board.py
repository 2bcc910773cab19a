"""Where the first worker tells how it goes and hears whether to stop: a tiny actor between it and the driver."""

from typing import Any

import ray


@ray.remote(num_cpus=0)
class Board:
    """The newest news of one run."""

    def __init__(self) -> None:
        self.news: dict[str, Any] = {"events": []}
        self.stopping = False
        self.fatal: BaseException | None = None

    def tell(self, news: dict[str, Any]) -> bool:
        """Put up news; whether the run is asked to stop."""
        self.news |= news
        return self.stopping

    def log(self, text: str) -> None:
        """Put up something that happened once."""
        self.news["events"] = [*self.news["events"], text]

    def read(self) -> dict[str, Any]:
        """The newest of every kind."""
        return self.news

    def stop(self) -> None:
        """Ask the run to write a checkpoint and end."""
        self.stopping = True

    def give_up(self, error: BaseException) -> None:
        """Say that trying again would end the same way."""
        self.fatal = error

    def given_up(self) -> BaseException | None:
        """Why trying again is of no use, if it is."""
        return self.fatal


class Pin:
    """The worker's side of a board: tells without waiting, one message at a time, and loses none of the newest.

    Args:
        board: Handle of the actor; None: nobody listens.
    """

    def __init__(self, board: Any) -> None:
        self._board, self._answer, self.stopping = board, None, False
        self._news: dict[str, Any] = {}

    def tell(self, **news: Any) -> None:
        """Put up news as soon as the last ones are read, and notice a wish to stop."""
        if self._board is None:
            return
        self._news |= news
        if self._answer is not None:
            ready, _ = ray.wait([self._answer], timeout=0)
            if not ready:
                return
            self.stopping = self.stopping or ray.get(self._answer)
        self._answer, self._news = self._board.tell.remote(self._news), {}

    def log(self, text: str) -> None:
        """Put up something that happened once."""
        if self._board is not None:
            self._board.log.remote(text)
