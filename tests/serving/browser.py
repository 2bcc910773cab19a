"""Real browsers, each driven by its own protocol: what a test does with either."""

import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any


class Browser(ABC):
    """One tab. What goes wrong in it is in `complaints`; what it saves, in `downloads`."""

    complaints: list[str]
    downloads: Path

    @abstractmethod
    def open(self, url: str) -> None:
        """Go to a page."""

    @abstractmethod
    def run(self, script: str) -> Any:
        """The value of an expression; None where it fails."""

    @abstractmethod
    def press(self, key: str) -> None:
        """A key, down and up, as a person hits it: "a", "ArrowLeft", "Tab", "Enter"."""

    @abstractmethod
    def type(self, text: str) -> None:
        """A text into what has the focus."""

    @abstractmethod
    def look(self, path: Path, width: int = 1100, height: int = 900, scheme: str = "light") -> None:
        """A picture of the whole page, as so wide a window shows it."""

    @abstractmethod
    def hit(self, x: float, y: float) -> None:
        """The mouse, at a place of the window."""

    def click(self, selector: str, across: float = 0.5) -> None:
        """The mouse on an element, so far across it from its left edge."""
        self.run(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})")
        x, y, width, height = self.run(
            f"(({{x, y, width, height}}) => [x, y, width, height])(document.querySelector({selector!r})"
            ".getBoundingClientRect())"
        )
        self.hit(x + across * width, y + height / 2)

    def wait(self, script: str, seconds: float = 60) -> Any:
        """The value of an expression, as soon as it is one that counts as true."""
        deadline = time.monotonic() + seconds
        while not (value := self.run(script)):
            assert time.monotonic() < deadline, f"{script}: not within {seconds} s; {self.complaints}"
            time.sleep(0.1)
        return value

    def saved(self, name: str) -> Path:
        """A file that the page saves, once it is whole; the next of that name is another."""
        path, deadline = self.downloads / name, time.monotonic() + 60
        while not (path.is_file() and path.stat().st_size) or [*self.downloads.glob("*.part")]:  # half of one
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return path.rename(path.with_name(f"{time.monotonic_ns()}-{name}"))

    @abstractmethod
    def close(self) -> None:
        """End it."""


def until(get, *errors: type[BaseException]) -> Any:
    """What `get` gives, as soon as it raises none of these."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return get()
        except errors:
            assert time.monotonic() < deadline
            time.sleep(0.1)
