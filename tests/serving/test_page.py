"""The page in a real browser: what a person types is said, heard and drawn, and errors are words."""

import pytest

from .browser import PROGRAM, Browser

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed")
SAY = "document.querySelector('#say-form button[type=submit]').click()"
PAINTED = """(() => {
  const canvas = document.getElementById("said-picture");
  const points = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(points).size > 50;
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    opened = Browser(tmp_path_factory.mktemp("browser") / "profile")
    yield opened
    opened.close()


@pytest.fixture
def page(browser, endpoint):
    browser.complaints.clear()
    browser.open(endpoint.url)
    browser.wait("document.getElementById('speaker')?.options.length && !document.getElementById('file').disabled")
    return browser


def test_what_is_typed_is_said_heard_and_drawn(page, endpoint):
    page.run("document.getElementById('text').value = 'one two three'")
    page.run("document.getElementById('pitch').value = 12")
    page.run(SAY)
    facts = page.wait("document.getElementById('said-facts').textContent")
    assert "0.6 s at" in facts  # 3 words of 20 frames
    assert endpoint.service.asked[-1]["text"] == "one two three"
    assert endpoint.service.asked[-1]["pitch"] == 12
    assert page.run(PAINTED)
    page.wait("document.getElementById('said-sound').duration > 0.6")
    assert not page.run("document.getElementById('said-download').disabled")
    assert page.complaints == []


def test_what_goes_wrong_is_told_in_words(page, endpoint):
    page.run("document.getElementById('text').value = ' . '")
    page.run(SAY)
    assert "nothing to say" in page.wait("document.getElementById('error').textContent")


def test_both_kinds_of_voices_are_offered_to_what_they_can_do(page):
    options = "[...document.getElementById('{}').options].map((option) => option.value).join()"
    assert page.run(options.format("speaker")) == "reader"
    assert page.run(options.format("voice")) == "polly"
    assert page.run("document.getElementById('command').textContent").startswith("curl http")
