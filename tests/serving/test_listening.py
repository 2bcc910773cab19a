"""Listening tests over HTTP: answers come back into their test's folder, and nothing else does."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ganray.blind import make_test
from ganray.blind.analysis import analyse, read_json
from ganray.blind.collection import RESULTS, results_in
from ganray.blind.systems import System
from ganray.cli import cli
from tests.conftest import like_speech

from .answers import error_of
from .chromium import PROGRAM, Chromium
from .test_conformance import CHECKS
from .test_hostile import TRICKS

RATE = 24_000


def made_in(folder, kind="ab"):
    clips = [SimpleNamespace(id=f"c{i}", text=f"Say {i}.", waveform=like_speech(0.5, i), f0=None) for i in range(2)]
    systems = [System(name, lambda clip: clip.waveform, RATE) for name in ("old", "new")]
    return make_test(kind, systems, clips, RATE, folder, title="Old or new")


@pytest.fixture
def tests(endpoint, tmp_path, monkeypatch):
    """A folder with one test in it, that the front knows."""
    folder = tmp_path / "tests"
    made_in(folder / "old-new")
    given = endpoint.service.config.listening.model_copy(
        update={"tests": str(folder), "max_result_bytes": 4096, "max_results": 3}
    )
    monkeypatch.setattr(endpoint.service, "config", endpoint.service.config.model_copy(update={"listening": given}))
    return folder


@pytest.fixture
def key(tests):
    return read_json(tests / "old-new" / "key.json")


def answers(key, listener="anne", vote="a"):
    trials = [{"trial": i, "order": t["sounds"], "vote": vote, "plays": {"a": 1}} for i, t in enumerate(key["trials"])]
    return {
        "schema_version": 1,
        "kind": "listening-result",
        "test": key["test"],
        "listener": listener,
        "trials": trials,
    }


def send(endpoint, identity, document):
    return requests.post(f"{endpoint.url}/listen/{identity}/results", data=json.dumps(document), timeout=60)


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_answers_come_back_into_their_tests_folder_and_can_be_analysed(endpoint, tests, key, capsys):
    page = requests.get(f"{endpoint.url}/listen/{key['test']}", timeout=60)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.content == (tests / "old-new" / "index.html").read_bytes()
    for who, vote in (("anne", "equal"), ("ben", "a"), ("anne", "b")):
        response = send(endpoint, key["test"], answers(key, who, vote))
        assert (response.status_code, response.json()) == (201, {"status": "kept"})
    files = results_in(tests / "old-new")
    assert [read_json(path)["listener"] for path in files] == ["anne", "ben", "anne"]
    assert "plays" not in read_json(files[0])["trials"][0]
    cli.main(["listen", "analyse", str(tests / "old-new"), "--json"], standalone_mode=False)
    document = json.loads(capsys.readouterr().out)
    assert document == analyse(key, map(read_json, files))
    assert document["listeners"] == 2  # the same one twice counts once, with the later answers
    assert document["pairs"][0]["prefers_one"]["count"] == 2
    assert document["pairs"][0]["equal"] == 0


def test_it_is_off_unless_a_folder_is_named(endpoint):
    for response in (
        requests.get(f"{endpoint.url}/listen/0123456789abcdef", timeout=60),
        send(endpoint, "0123456789abcdef", {}),
    ):
        assert response.status_code == 404
        assert "keeps no listening tests" in error_of(response)["message"]


@pytest.mark.parametrize("name", [*TRICKS, "old-new", "../old-new", "."])
def test_no_name_from_a_request_is_a_path(endpoint, tests, name):
    before = everything(tests)
    quoted = requests.utils.quote(name, safe="")
    for path in (
        f"/listen/{quoted}",
        f"/listen/{quoted}/results",
        "/listen/old-new/key.json",
        "/listen/old-new/results",
    ):
        for method in ("GET", "POST"):
            response = requests.request(method, endpoint.url + path, data=b"{}", timeout=60)
            assert response.status_code in (404, 405), (path, response.text)
    assert everything(tests) == before


def test_a_file_is_named_by_the_service_whatever_a_listener_calls_itself(endpoint, tests, key):
    for listener in ("../../evil", "a/b", "", "x" * 65, 7, None, ["a"]):
        assert error_of(send(endpoint, key["test"], answers(key, listener)))["code"] == "invalid_result"
    send(endpoint, key["test"], answers(key, "evil"))
    (kept,) = (tests / "old-new" / RESULTS).iterdir()
    assert "evil" not in kept.name
    assert everything(tests) == ["old-new", "old-new/index.html", "old-new/key.json", "old-new/results",
                                 f"old-new/results/{kept.name}"]  # fmt: skip


def test_what_is_no_answer_is_refused_and_leaves_nothing(endpoint, tests, key):
    good = answers(key)

    def changed(**change):
        return {**good, "trials": [{**good["trials"][0], **change}]}

    wrong = [
        {}, [], None, 3, {**good, "kind": "x"}, {**good, "test": "other"}, {**good, "trials": []},
        {**good, "trials": good["trials"] * 2}, {**good, "trials": [good["trials"][0]] * 2}, {**good, "trials": "ab"},
        changed(trial=2), changed(trial=-1), changed(trial=True), changed(trial="0"), changed(order=[]),
        changed(order=[1, 2]), changed(order=["a", "b"]), changed(vote="c"), changed(vote=None), changed(vote=["a"]),
    ]  # fmt: skip
    for document in wrong:
        response = send(endpoint, key["test"], document)
        assert (response.status_code, error_of(response)["code"]) == (400, "invalid_result"), document
    for body in (b"", b"{", b"\xff", b"[" * 2000, b"9" * 4000):
        response = requests.post(f"{endpoint.url}/listen/{key['test']}/results", data=body, timeout=60)
        assert response.status_code == 400
    assert "old-new/results" not in everything(tests)


def test_size_and_number_are_limited(endpoint, tests, key):
    big = answers(key) | {"more": "x" * 5000}
    assert error_of(send(endpoint, key["test"], big))["code"] == "upload_too_large"

    def endless():
        for _ in range(1000):
            yield b"x" * 1000

    response = requests.post(f"{endpoint.url}/listen/{key['test']}/results", data=endless(), timeout=60)
    assert response.status_code == 413
    assert [send(endpoint, key["test"], answers(key, f"l{i}")).status_code for i in range(5)] == [201] * 3 + [409] * 2
    assert len(results_in(tests / "old-new")) == 3


def test_a_test_that_comes_or_is_damaged_needs_no_restart(endpoint, tests, key):
    made = made_in(tests / "later")
    later = read_json(made.key)["test"]
    assert requests.get(f"{endpoint.url}/listen/{later}", timeout=60).status_code == 200
    made.key.write_text("{")
    assert requests.get(f"{endpoint.url}/listen/{later}", timeout=60).status_code == 404
    assert requests.get(f"{endpoint.url}/listen/{key['test']}", timeout=60).status_code == 200
    shutil.rmtree(tests)
    assert send(endpoint, key["test"], answers(key)).status_code == 404


def test_ratings_are_numbers_between_0_and_100(endpoint, tests):
    key = read_json(made_in(tests / "scale", "mushra").key)
    sounds = key["trials"][0]["sounds"]

    def rated(value):
        trial = {"trial": 0, "order": sounds, "ratings": dict.fromkeys(sounds, 50) | {sounds[0]: value}}
        return answers(key) | {"trials": [trial]}

    for value in (-1, 101, "50", None, True, 10**400):
        assert send(endpoint, key["test"], rated(value)).status_code == 400, value
    body = json.dumps(rated(np.nan))  # what Python calls JSON
    response = requests.post(f"{endpoint.url}/listen/{key['test']}/results", data=body, timeout=60)
    assert response.status_code == 400
    assert send(endpoint, key["test"], rated(99.5)).status_code == 201


def test_whatever_is_sent_is_answered_as_the_document_says(endpoint, tests, key):
    schema = schemathesis.openapi.from_url(f"{endpoint.url}/openapi.json")

    @given(case=schema.find_operation_by_id("listening_result").as_strategy(), known=st.booleans())
    @settings(max_examples=200, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    def call(case, known):
        if known:
            case.path_parameters = {"test": key["test"]}
        response = case.call(timeout=30)
        assert response.status_code in (400, 404, 405, 413)
        case.validate_response(response, checks=CHECKS)

    call()
    assert "old-new/results" not in everything(tests)


@pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed")
@pytest.mark.parametrize("kind", ["ab", "abx", "mushra"])
def test_a_listener_with_a_keyboard_hears_answers_and_is_counted(endpoint, tests, tmp_path, capsys, kind):
    """From the address to what it says of the voices: who prefers "new" is told so, through the whole service."""
    key = read_json(made_in(tests / kind, kind).key)
    names = key["names"]
    browser = Chromium(tmp_path)
    try:
        browser.open(f"{endpoint.url}/listen/{key['test']}")
        browser.wait("typeof rounds !== 'undefined'")
        assert "sent to where" in browser.run("document.getElementById('where').textContent")
        browser.press("Tab")
        browser.press("Enter")
        for number in range(len(key["trials"])):
            browser.wait(f"document.getElementById('count').textContent.startsWith('Round {number + 1} ')")
            browser.press("ArrowLeft")  # unheard, which is no answer
            for sound in {"ab": "ab", "abx": "abx", "mushra": "r1234"}[kind]:
                assert sound.upper().replace("R", "reference") in browser.run(HINT)
                browser.press(sound)
                browser.wait("player && player.audio.currentTime > 0")
            order = browser.run("round.order")
            if kind == "mushra":
                browser.press("Tab")
                for sound in order:
                    browser.press("Tab")
                    browser.press("Tab")
                    browser.press(RATES.get(names[sound], "ArrowRight"))
                    browser.press("r")  # is heard while a slider has the focus
                browser.press("Tab")
                browser.press("Enter")
            else:
                chosen = names[order[0]] == "new" if kind == "ab" else browser.run("round.x") == "a"
                browser.press("ArrowLeft" if chosen else "ArrowRight")
        browser.wait("document.getElementById('thanks').textContent.includes('are kept')")
        assert browser.complaints == []
    finally:
        browser.close()
    cli.main(["listen", "analyse", str(tests / kind), "--json"], standalone_mode=False)
    found = json.loads(capsys.readouterr().out)
    assert (found["listeners"], found["trials"]) == (1, 2)
    if kind == "mushra":
        assert {name: its["mean"] for name, its in found["systems"].items()} == {
            "recording": 100, "old": 51, "new": 51, "anchor": 0
        }  # fmt: skip
    elif kind == "ab":
        assert (found["pairs"][0]["one"], found["pairs"][0]["prefers_one"]["count"]) == ("old", 0)
        assert found["pairs"][0]["prefers_one"]["of"] == 2
    else:
        assert found["pairs"][0]["right"]["count"] == 2


HINT = "document.getElementById('hint').textContent"
RATES = {"recording": "End", "anchor": "Home"}


def test_a_folder_of_tests_means_the_same_on_every_node(tmp_path, monkeypatch):
    from ganray.serving.deploy import _located
    from ganray.serving.document import IMPORT_PATH

    monkeypatch.chdir(tmp_path)
    application = {"import_path": IMPORT_PATH, "args": {"voices": {"a": "english"}, "listening": {"tests": "mine"}}}
    located = _located({"applications": [application]}, None, None)
    assert located["applications"][0]["args"]["listening"] == {"tests": str(tmp_path / "mine")}
