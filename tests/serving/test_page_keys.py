"""How the page is got to, in real browsers: with a key where the service wants one, and by keys alone."""

from .page import READY, SAID, SAY


def test_a_key_is_asked_for_and_kept_for_the_tab(browser, guarded):
    endpoint, _, secret = guarded
    browser.open("about:blank")
    browser.open(endpoint.url)
    browser.wait("document.getElementById('key-dialog')?.open")
    browser.type("wrong")
    browser.press("Enter")
    browser.wait("document.getElementById('key-why').textContent.includes('not known')")
    browser.wait("document.getElementById('key-dialog').open")
    assert browser.run("document.getElementById('key').value") == ""
    browser.type(secret)
    browser.press("Enter")
    browser.wait(READY)
    browser.click(SAY)
    browser.wait(SAID)
    assert secret not in browser.run("location.href + document.documentElement.outerHTML")
    browser.open("about:blank")
    browser.open(endpoint.url)
    browser.wait(READY)
    assert not browser.run("document.getElementById('key-dialog').open"), "the same tab is not asked again"
    browser.run("sessionStorage.clear()")


def test_who_gives_no_key_is_told_what_to_do(browser, guarded):
    endpoint, *_ = guarded
    browser.open("about:blank")
    browser.open(endpoint.url)
    browser.wait("document.getElementById('key-dialog')?.open")
    browser.press("Escape")
    assert "without a key" in browser.wait("document.getElementById('error').textContent")


def test_tabs_are_reached_and_changed_by_keys(page):
    page.run("document.getElementById('say-tab').focus()")
    page.press("ArrowRight")
    assert page.run("document.activeElement.id") == "vocode-tab"
    page.press("End")
    assert page.run("document.activeElement.ariaSelected + document.activeElement.id") == "trueblind-tab"
    assert not page.run("document.getElementById('blind').hidden")
    page.press("Tab")
    assert page.run("document.getElementById('blind').contains(document.activeElement)")
