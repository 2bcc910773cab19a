"""The page holds what it says, needs nothing from elsewhere, and runs nothing that was put into it."""

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from ganray.audio import encode, read
from ganray.metrics.intervals import Interval
from ganray.metrics.page import Axes, Axis, Cell, Clip, Page, Picture, Players, Table, Take, cell, number
from ganray.metrics.plots import strip

HOSTILE = "<script>alert(1)</script>"
TONE = (0.1 * np.sin(np.arange(24_000) * 0.05)).astype(np.float32)


class Reader(HTMLParser):
    """Texts, attributes and table cells of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.rows: list[list[str]] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in ("meta", "img"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag, "tags don't nest"

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("style", "script") and data.strip():
            self.texts.append(data.strip())
            if {"td", "th"} & set(self._open):
                self.rows[-1][-1] += data.strip() + " "

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def page() -> Page:
    picture = strip(np.zeros((4, 5)), 0, 1)
    takes = [Take(label, encode(TONE, 24_000, "flac"), "audio/flac", 1.0, picture, "pesq 3.1") for label in ("a", "b")]
    good, one = Interval(3.7, 3.6, 3.8, 40), Interval(0.5, float("nan"), float("nan"), 1)
    return Page(
        f"Title {HOSTILE}",
        intro=["First line & more"],
        sections=[
            Table("Scores", ["", "pesq ↑"], [["voice", cell(good)], [HOSTILE, cell(None)]], highlight=0),
            Axes("Scale", [Axis("pesq", "MOS", "higher", [("voice", good), ("noise", one)], highlight=0)]),
            Players("Listen", [Clip("clip-1", HOSTILE, takes)], ticks=[(500, 0.2), (4_000, 0.7)]),
            Picture("Losses", picture, "how they went"),
            Table("All clips", ["clip"], [["clip-1"]], folded=True),
        ],
        footer="made by hand",
    )


def test_every_value_is_on_the_page(page):
    reader = Reader(page.html())
    assert ["voice ", "3.70 3.60–3.80 "] in reader.rows
    assert [f"{HOSTILE} ", "– "] in reader.rows
    assert {"First line & more", "clip-1", "Scores", "Listen", "how they went", "made by hand"} <= set(reader.texts)
    assert {"500", "4k"} <= set(reader.texts)
    assert [tag for tag in reader.all("tr") if tag.get("class") == "voice"] == [{"class": "voice"}]


def test_players_hold_the_sound_itself(page):
    players = Reader(page.html()).all("audio")
    assert len(players) == 2
    kind, _, content = players[0]["src"].partition(";base64,")
    assert kind == "data:audio/flac"
    waveform, rate = read(base64.b64decode(content))
    assert rate == 24_000
    np.testing.assert_allclose(waveform, TONE, atol=1e-4)


def test_nothing_is_fetched_from_elsewhere(page):
    html = page.html()
    reader = Reader(html)
    for _, attributes in reader.tags:
        for name in ("src", "href", "srcset", "data", "action"):
            assert attributes.get(name, "data:").startswith("data:")
    assert not re.search(r"https?://|@import|url\(", html)
    policies = [meta["content"] for meta in reader.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'")


def test_what_a_corpus_says_is_never_executed(page):
    html = page.html()
    assert HOSTILE not in html
    assert len(Reader(html).all("script")) == 1


def test_a_mean_with_its_interval_lies_where_its_value_says():
    axis = Axis("x", "", "higher", [("a", Interval(2.0, 1.0, 3.0, 5)), ("b", Interval(5.0, 4.0, 5.0, 5))])
    assert axis.ends == (1.0, 5.0)
    assert axis.place(3.0) == 50
    assert 0 < axis.place(1.0) < axis.place(2.0) < axis.place(5.0) < 100


@pytest.mark.parametrize("value", [Interval(float("nan"), float("nan"), float("nan"), 0), Interval(0.0, 0.0, 0.0, 3)])
def test_an_axis_of_one_value_or_none_can_be_drawn(value):
    html = Page("t", [], [Axes("a", [Axis("x", "", "lower", [("a", value)])])]).html()
    Reader(html)
    assert "nan%" not in html


def test_numbers_are_written_with_the_decimals_that_matter():
    assert [number(x) for x in (4.644, 0.0953, -0.0012, None, float("nan"))] == ["4.64", "0.095", "-0.001", "–", "–"]
    assert cell(Interval(0.95, 0.9, 1.02, 9)) == Cell("0.950", "0.900–1.020")
    assert cell(Interval(-24.2, -24.5, -23.9, 9)) == Cell("-24.20", "-24.50 to -23.90")
    assert [number(x) for x in (99.994, 339.44, 1439.2)] == ["99.99", "339.4", "1,439"]


def test_a_column_of_words_begins_at_one_line_with_its_heading():
    words = "as many words as no figure has"
    html = Page("t", [], [Table("t", ["a", "what", "n"], [["x", "few", "1"], ["y", words, "2"]])]).html()
    left = re.findall(r'class="words">([^<]*)<', html)
    assert left == ["a", "what", "x", "few", "y", words]


def test_it_is_written_whole_or_not_at_all(page, tmp_path, monkeypatch):
    path = page.write(tmp_path / "new" / "index.html")
    before = path.read_text(encoding="utf-8")
    monkeypatch.setattr(Page, "html", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        page.write(path)
    assert path.read_text(encoding="utf-8") == before
    assert [file.name for file in path.parent.iterdir()] == ["index.html"]
