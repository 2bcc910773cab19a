"""The page's blind test in a real browser: nobody knows what they hear, and the tally is right."""

import json

import pytest
from scipy.stats import binomtest

from .page import put, text_of


def judge(page, rounds: int, votes: list[str]) -> None:
    """Hear both and vote, by keys alone."""
    for number, vote in enumerate(votes):
        page.wait(f"document.getElementById('trial-title').textContent.startsWith('Round {number + 1} of {rounds}')")
        page.wait("document.getElementById('hear-a').ariaDisabled === 'false'")
        for key in ("a", "b", vote):
            page.press(key)


def test_two_are_judged_blind_by_keys_and_told_at_the_end(page, endpoint):
    page.click("#blind-tab")
    put(page, "sentences", "one two\nthree")
    put(page, "rounds", 6)
    put(page, "other-pitch", 7)
    page.click("#blind-form button[type=submit]")
    page.wait("document.getElementById('hear-a').ariaDisabled === 'false'")
    page.press("ArrowLeft")
    assert "Hear both" in text_of(page, "status"), "nobody votes unheard"
    shown = page.run("document.getElementById('trial').innerText")
    assert "reader" not in shown, "no name before the end"
    assert "pitch" not in shown
    votes = ["ArrowLeft", "ArrowRight", "=", "ArrowLeft", "ArrowLeft", "ArrowRight"]
    judge(page, 6, votes)
    page.wait("!document.getElementById('tally').hidden")
    page.click("#tally-save")
    told = json.loads(page.saved("blind-test.json").read_text())
    assert {(asked["text"], asked["pitch"]) for asked in endpoint.service.asked} == {
        (text, pitch) for text in ("one two", "three") for pitch in (0, 7)
    }
    assert len(endpoint.service.asked) == 4, "what has been made is not asked for twice"
    assert [trial["vote"] for trial in told["trials"]] == ["a", "b", "equal", "a", "a", "b"]
    assert [trial["sentence"] for trial in told["trials"]] == ["one two", "three"] * 3
    assert sorted(trial["a"] for trial in told["trials"]) == ["one"] * 3 + ["other"] * 3, "each is A as often"
    for trial in told["trials"]:
        assert {trial["a"], trial["b"]} == {"one", "other"}
        assert trial["preferred"] == trial.get(trial["vote"], "equal")
        assert trial["plays"] == {"a": 1, "b": 1}
    assert told["candidates"]["other"]["pitch"] == 7
    counts = {name: sum(trial["preferred"] == name for trial in told["trials"]) for name in ("one", "other", "equal")}
    assert {name: told["tally"][name] for name in counts} == counts
    rows = page.run("[...document.querySelectorAll('#counts tr')].map((row) => row.innerText.split('\\t'))")
    assert [row[:2] for row in rows] == [
        ["reader", str(counts["one"])],
        ["reader, pitch +7", str(counts["other"])],
        ["no difference", "1"],
    ]
    assert page.complaints == []


def test_a_busy_service_is_asked_again_and_no_vote_is_lost(page):
    page.click("#blind-tab")
    page.run(
        """(() => {
          const fetch = window.fetch;
          [window.busy, window.down] = [true, true];
          const refuse = (status, headers) => new Response('{"error": {"message": "Not now."}}', { status, headers });
          window.fetch = async (path, options) => {
            const asked = options?.body ?? "";
            if (asked.includes("one") && window.busy) return (window.busy = false), refuse(429, { "retry-after": "1" });
            if (asked.includes("three") && window.down) return refuse(500, {});
            return fetch(path, options);
          };
        })()"""
    )
    put(page, "sentences", "one\ntwo\nthree\nfour")
    put(page, "rounds", 4)
    put(page, "other-pitch", 7)
    page.click("#blind-form button[type=submit]")
    judge(page, 4, ["ArrowLeft", "ArrowRight"])
    page.wait("document.getElementById('error').textContent.includes('Hear A tries again')")
    page.run("window.down = false")
    page.press("a")
    page.wait("document.getElementById('hear-a').ariaDisabled === 'false'")
    for key in ("a", "b", "="):
        page.press(key)
    page.wait("document.getElementById('trial-title').textContent.startsWith('Round 4')")
    page.wait("document.getElementById('hear-a').ariaDisabled === 'false'")
    for key in ("a", "b", "="):
        page.press(key)
    page.wait("!document.getElementById('tally').hidden")
    page.click("#tally-save")
    told = json.loads(page.saved("blind-test.json").read_text())
    assert [trial["vote"] for trial in told["trials"]] == ["a", "b", "equal", "equal"]


def test_a_blind_test_of_one_with_itself_is_refused_and_ending_early_is_told(page):
    page.click("#blind-tab")
    put(page, "other-pitch", 0)
    page.click("#blind-form button[type=submit]")
    assert "Both are the same" in page.wait("document.getElementById('error').textContent")
    put(page, "other-speed", 1.5)
    page.click("#blind-form button[type=submit]")
    judge(page, 10, ["ArrowLeft"])
    page.click("#trial-end")
    assert "1 of 10 rounds" in text_of(page, "statistics")


def test_the_tally_is_scipys_exact_binomial_test(page):
    for one, other in [(7, 2), (10, 0), (0, 3), (5, 5), (61, 39), (1, 0)]:
        votes = ["one"] * one + ["other"] * other + ["equal"] * 2
        got = page.run(f"import('/tally.js').then(({{ tally }}) => tally({votes}))")
        want = binomtest(one, one + other)
        interval = want.proportion_ci(0.95, "exact")
        assert got["p_value"] == pytest.approx(want.pvalue, rel=1e-9)
        assert (got["low"], got["high"]) == pytest.approx((interval.low, interval.high), abs=1e-9)
        assert (got["one"], got["other"], got["equal"]) == (one, other, 2)
