"""The page for everybody, measured in a Chromium: by ear, by weak eyes, on a phone."""

import pytest

from .conftest import opened
from .page import DROP, SAID, SAY

USABLE = {"button", "combobox", "slider", "textbox", "tab", "spinbutton", "checkbox"}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    yield from opened("chromium", tmp_path_factory.mktemp("browser"))


@pytest.mark.parametrize("view", ["say", "vocode", "blind"])
def test_everything_that_can_be_used_has_a_name_for_those_who_listen(page, view, wav):
    page.click(f"#{view}-tab")
    if view == "say":
        page.click(SAY)
        page.wait(SAID)
    if view == "vocode":
        page.run(f"{DROP}('vowel.wav', {list(wav)})")
        page.wait("!document.getElementById('download').disabled")
    spoken = [node for node in page.accessibility() if node["role"] in USABLE]
    assert len(spoken) > 5
    assert [node for node in spoken if not node["name"]] == []


def test_words_stand_out_from_what_they_are_on(page):
    """WCAG 2.2: 4.5 to 1 for text, 3 to 1 for the edges of controls."""

    def luminance(name: str) -> float:
        value = page.run(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}')").strip()
        parts = [int(value[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:
        low, high = sorted([luminance(one), luminance(other)])
        return (high + 0.05) / (low + 0.05)

    for scheme in ("dark", "light"):
        page.shape(1100, scheme=scheme)
        for ground in ("paper", "card"):
            for ink in ("ink", "quiet", "accent", "wrong"):
                assert contrast(ink, ground) >= 4.5, (scheme, ink, ground)
            assert contrast("edge", ground) >= 3
        assert contrast("accent-ink", "accent") >= 4.5


def test_nothing_hangs_over_the_edge_of_a_phone(page):
    page.shape(320, 640)
    for view in ("say", "vocode", "blind"):
        page.click(f"#{view}-tab")
        assert page.run("document.documentElement.scrollWidth") <= 320, view
    page.shape(1100)
