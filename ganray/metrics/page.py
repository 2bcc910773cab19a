"""One report page: tables, intervals, players with their spectrograms, pictures. A single file that needs nothing else.

page = Page("A voice", intro=["What this is."], sections=[Table(…), Players(…)])
page.write("report/index.html")
"""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ganray.metrics.intervals import Interval

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Cell:
    """A table's cell with something smaller beside it."""

    text: str
    detail: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of texts or cells; the first column names the row."""

    heading: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    note: str = ""
    highlight: int | None = None
    """The row that the page is about."""
    folded: bool = False
    """Hidden until it is asked for."""
    about: Sequence[str] = ()
    """Below it, a line each; what begins with `$ ` is a command."""
    kind: str = field(default="table", init=False)

    @property
    def wordy(self) -> set[int]:
        """Columns of words, which begin at one line; figures end at one."""
        cells = ((place, value) for row in self.rows for place, value in enumerate(row))
        return {0} | {place for place, value in cells if isinstance(value, str) and len(value) > 24}


@dataclass(frozen=True)
class Axis:
    """One measure: the intervals of several rows on one axis."""

    title: str
    detail: str
    better: Literal["higher", "lower", "neither"]
    rows: Sequence[tuple[str, Interval]]
    highlight: int | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and highest value on the axis."""
        values = [v for _, row in self.rows for v in (row.mean, row.low, row.high) if v == v]
        return min(values, default=float("nan")), max(values, default=float("nan"))

    def place(self, value: float) -> float:
        """Where on the axis, in percent of its length; its ends lie a little inside."""
        low, high = self.ends
        return round(4 + 92 * (value - low) / (high - low), 2) if high > low else 50.0


@dataclass(frozen=True)
class Axes:
    """Measures side by side."""

    heading: str
    axes: Sequence[Axis]
    note: str = ""
    kind: str = field(default="axes", init=False)


@dataclass(frozen=True)
class Take:
    """One sound, with its spectrogram if there is one."""

    label: str
    audio: bytes
    media_type: str
    seconds: float
    picture: bytes = b""
    """PNG without axes, as `plots.strip` draws it."""
    note: str = ""


@dataclass(frozen=True)
class Clip:
    """Takes of one utterance."""

    title: str
    text: str
    takes: Sequence[Take]


@dataclass(frozen=True)
class Players:
    """Clips to listen to."""

    heading: str
    clips: Sequence[Clip]
    note: str = ""
    ticks: Sequence[tuple[int, float]] = ()
    """(Hz, height from 0 to 1) along the pictures, as `plots.mel_ticks` gives them."""
    kind: str = field(default="players", init=False)


@dataclass(frozen=True)
class Picture:
    """A PNG with what it shows in words."""

    heading: str
    png: bytes
    caption: str = ""
    kind: str = field(default="picture", init=False)


@dataclass(frozen=True)
class Link:
    """Another page that lies with this one."""

    heading: str
    href: str
    """Relative to this page."""
    text: str
    note: str = ""
    kind: str = field(default="link", init=False)


Section = Table | Axes | Players | Picture | Link


@dataclass(frozen=True)
class Page:
    """A title, a few lines, and sections in reading order."""

    title: str
    intro: Sequence[str]
    sections: Sequence[Section]
    footer: str = ""

    def html(self) -> str:
        """The whole page: no other file and no other host is needed to read it."""
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        environment = Environment(
            loader=FileSystemLoader(_FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {"base64": lambda data: base64.b64encode(data).decode(), "number": number}
        environment.tests |= {"cell": lambda value: isinstance(value, Cell), "finite": lambda value: value == value}
        return environment.get_template("page.html.j2").render(page=self)

    def write(self, path: str | Path) -> Path:
        """Write the page: beside, then renamed."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        beside.write_text(self.html(), encoding="utf-8")
        return beside.replace(path)


def number(value: float | None) -> str:
    """As many decimals as `decimals` says; a dash for what isn't known."""
    if value is None or value != value:
        return "–"
    return f"{value:,.{decimals(value)}f}"


def decimals(value: float) -> int:
    """How many decimals a score of this size is shown with; its bounds get as many."""
    size = abs(value)
    return 3 if size < 1 else 2 if size < 100 else 1 if size < 1000 else 0


def between(low: float, high: float, places: int) -> str:
    """An interval; a dash beside a minus is read by nobody."""
    return f"{low:,.{places}f}{' to ' if low < 0 else '–'}{high:,.{places}f}"


def cell(interval: Interval | None) -> Cell:
    """A mean with its interval as a table's cell."""
    if interval is None or interval.mean != interval.mean:
        return Cell("–")
    if interval.low != interval.low:
        return Cell(number(interval.mean))
    return Cell(number(interval.mean), between(interval.low, interval.high, decimals(interval.mean)))
