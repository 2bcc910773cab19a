"""A test says nothing of whose sounds it plays; its results say no more than they hold."""

import base64
import io
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from scipy.stats import binomtest

from ganray.audio import loudness
from ganray.blind import analyse, make_test
from ganray.blind.analysis import read_json, share_of
from ganray.blind.collection import Collection, FullError
from ganray.blind.make import low_passed
from ganray.blind.systems import System, open_systems
from ganray.cli import cli
from ganray.cli.listen import told
from ganray.errors import DataError, UsageError
from tests.conftest import like_speech
from tests.serving.chromium import PROGRAM, Chromium

RATE = 24_000


@pytest.fixture(scope="module")
def clips():
    return [
        SimpleNamespace(id=f"secret-{i}", text=f"Say </script> {i}.", waveform=like_speech(1.2, i), f0=None)
        for i in range(3)
    ]


def systems(*names):
    return [
        System(name, lambda clip, gain=0.2 + 0.4 * place: gain * clip.waveform, RATE)
        for place, name in enumerate(names)
    ]


@pytest.fixture(scope="module", params=["ab", "abx", "mushra"])
def made(request, clips, tmp_path_factory):
    out = tmp_path_factory.mktemp(request.param)
    return make_test(request.param, systems("old-voice", "new-voice", "rival"), clips, RATE, out)


def page_of(made):
    html = made.page.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="test">(.*?)</script>', html, re.S)[1])


def test_the_page_does_not_say_whose_sounds_they_are(made, clips):
    html = made.page.read_text(encoding="utf-8")
    for name in ("old-voice", "new-voice", "rival", "anchor", *(clip.id for clip in clips)):
        assert name not in html
    key = read_json(made.key)
    document = page_of(made)
    assert set(document["sounds"]) == set(key["names"])
    assert document["test"] == key["test"]
    assert len(document["trials"]) == len(key["trials"]) == made.trials == (3 if document["type"] == "mushra" else 9)
    assert "https://" not in html
    assert "http://" not in html


def test_all_sounds_are_equally_loud(made):
    for uri in page_of(made)["sounds"].values():
        wave, rate = soundfile.read(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
        assert loudness(wave.astype(np.float32), rate) == pytest.approx(-23, abs=0.3)


def test_a_mushra_trial_hides_the_reference_and_an_anchor(clips, tmp_path):
    made = make_test("mushra", systems("one"), clips, RATE, tmp_path)
    names = read_json(made.key)["names"]
    trial = page_of(made)["trials"][0]
    assert sorted(names[sound] for sound in trial["sounds"]) == ["anchor", "one", "recording"]
    assert names[trial["reference"]] == "recording"
    assert trial["reference"] not in trial["sounds"]


def test_the_anchor_has_nothing_above_its_limit():
    hiss = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(low_passed(hiss, RATE))) ** 2
    hz = np.fft.rfftfreq(RATE, 1 / RATE)
    assert spectrum[hz > 3_800].mean() < 1e-4 * spectrum[hz < 3_000].mean()


def listener(key, choose, name):
    """A result of someone whose votes `choose` (trial, sounds in order) → what a trial adds."""
    trials = []
    for number, trial in enumerate(key["trials"]):
        order = sorted(trial["sounds"], reverse=number % 2 == 0)
        trials.append({"trial": number, "order": order, **choose(key["names"], order)})
    return {"schema_version": 1, "kind": "listening-result", "test": key["test"], "listener": name, "trials": trials}


def test_preferences_are_counted_whatever_the_order(clips, tmp_path):
    key = read_json(make_test("ab", systems("good", "bad"), clips, RATE, tmp_path).key)

    def prefers_good(names, order):
        return {"vote": "a" if names[order[0]] == "good" else "b"}

    one = listener(key, prefers_good, "x")
    two = listener(key, lambda names, order: {"vote": "equal"}, "y")
    document = analyse(key, [one, two, one])
    assert document["listeners"] == 2
    (pair,) = document["pairs"]
    assert (pair["one"], pair["other"], pair["equal"]) == ("good", "bad", 3)
    assert pair["prefers_one"]["count"] == pair["prefers_one"]["of"] == 3
    assert pair["prefers_one"]["p_value"] == pytest.approx(0.25)
    assert "good preferred to bad: 3 of 3" in told(document)


def test_finding_x_is_held_against_guessing(clips, tmp_path):
    key = read_json(make_test("abx", systems("one", "other"), clips, RATE, tmp_path).key)
    document = analyse(key, [listener(key, lambda n, o: {"vote": "a", "x": "a"}, str(i)) for i in range(3)])
    (pair,) = document["pairs"]
    assert pair["right"]["count"] == 9
    assert pair["right"]["p_value"] == pytest.approx(1 / 2**9, abs=1e-6)


def test_ratings_are_paired_and_whoever_misses_the_reference_is_left_out(clips, tmp_path):
    key = read_json(make_test("mushra", systems("good", "bad"), clips, RATE, tmp_path).key)
    true = {"recording": 98.0, "good": 80.0, "bad": 60.0, "anchor": 20.0}

    def rates(shift):
        return lambda names, order: {"ratings": {sound: true[names[sound]] + shift for sound in order}}

    deaf = listener(key, lambda names, order: {"ratings": dict.fromkeys(order, 50.0)}, "deaf")
    document = analyse(key, [listener(key, rates(s), f"l{s}") for s in (-6, 0, 1)] + [deaf])
    assert document["left_out"] == ["deaf"]
    assert list(document["systems"]) == ["recording", "good", "bad", "anchor"]
    (apart,) = document["differences"]
    assert (apart["mean"], apart["low"], apart["high"]) == (20, 20, 20)
    assert apart["num"] == 9
    assert apart["p_value"] == pytest.approx(2 / 2**9, abs=1e-5)


@pytest.mark.parametrize(("count", "of"), [(0, 5), (7, 10), (20, 20), (51, 100)])
def test_a_share_is_scipys(count, of):
    found, theirs = share_of(count, of), binomtest(count, of, 0.5)
    assert found.p_value == pytest.approx(theirs.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.proportion_ci(0.95, "exact")))
    assert found.low <= count / of <= found.high


def test_what_cannot_be_is_told(clips, tmp_path):
    with pytest.raises(UsageError, match="compares 2 or more"):
        make_test("ab", systems("one"), clips, RATE, tmp_path)
    with pytest.raises(UsageError, match="no clip"):
        make_test("ab", systems("one", "two"), [], RATE, tmp_path)
    with pytest.raises(UsageError, match="too many for one trial"):
        make_test("mushra", systems(*"123456789"), clips, RATE, tmp_path)
    key = read_json(make_test("ab", systems("one", "two"), clips, RATE, tmp_path).key)
    with pytest.raises(DataError, match="no result"):
        analyse(key, [])
    with pytest.raises(DataError, match="not of this test"):
        analyse(key, [{"kind": "listening-result", "test": "other", "listener": "x", "trials": []}])
    with pytest.raises(DataError, match="no voice and no folder"):
        open_systems([str(tmp_path / "nowhere")])


def test_a_folder_of_another_systems_clips_takes_part(clips, mel_voice, tmp_path):
    folder = tmp_path / "rival"
    folder.mkdir()
    for clip in clips:
        soundfile.write(folder / f"{clip.id}.wav", clip.waveform, 16_000)
    voice, rival, again = open_systems([str(mel_voice), str(folder), str(folder)])
    assert (voice.name, rival.name, again.name) == ("tiny", "rival", "rival#2")
    assert rival.sample_rate == 16_000
    assert len(rival.speak(clips[0])) == len(clips[0].waveform)
    assert abs(len(voice.speak(clips[0])) - len(clips[0].waveform)) < 256
    (folder / f"{clips[2].id}.wav").unlink()
    with pytest.raises(DataError, match="no recording of the clip"):
        open_systems([str(folder)])[0].speak(clips[2])


@pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed")
def test_a_listener_goes_through_it_and_gets_a_file(made, tmp_path):
    """In a browser: nothing can be answered unheard, and what is saved can be analysed."""
    browser = Chromium(tmp_path)
    try:
        browser.open(made.page.as_uri())
        browser.wait("typeof rounds !== 'undefined'")
        browser.run("HTMLMediaElement.prototype.play = function () { return Promise.resolve(); }")
        browser.run("document.getElementById('begin').click()")
        kind, document = page_of(made)["type"], read_json(made.key)
        answer = "next" if kind == "mushra" else "vote-a"
        browser.run(f"document.getElementById('{answer}').click()")
        assert "first" in browser.run("document.getElementById('hint').textContent")
        hear = "document.querySelectorAll('[id^=play-]').forEach((b) => b.click())"
        rate = "s.value = 95; s.dispatchEvent(new Event('input'))"
        for _ in range(made.trials):
            browser.run(hear)
            browser.run(f"document.querySelectorAll('input').forEach((s) => {{ {rate} }})")
            browser.run(f"document.getElementById('{answer}').click()")
        assert browser.run("!document.getElementById('end').hidden")
        saved = json.loads(browser.run("JSON.stringify(result)"))
    finally:
        browser.close()
    found = analyse(document, [saved])
    assert found["trials"] == made.trials
    assert {trial["trial"] for trial in saved["trials"]} == set(range(made.trials))
    assert told(found)


def test_results_are_found_in_the_tests_own_folder_in_any_other_or_one_by_one(clips, tmp_path, capsys):
    made = make_test("ab", systems("good", "bad"), clips, RATE, tmp_path / "test")
    key = read_json(made.key)
    with pytest.raises(DataError, match="no result in"):
        cli.main(["listen", "analyse", str(tmp_path / "test")], standalone_mode=False)
    (collected,) = [Collection(tmp_path).test(made.test)]
    one = listener(key, lambda n, o: {"vote": "a"}, "one")
    kept = collected.add(one, most=2)
    elsewhere = tmp_path / "mail"
    elsewhere.mkdir()
    (elsewhere / "two.json").write_text(json.dumps(listener(key, lambda n, o: {"vote": "b"}, "two")))
    for given, listeners in (([], 1), ([kept], 1), ([elsewhere], 1), ([kept, elsewhere], 2)):
        asked = ["listen", "analyse", str(tmp_path / "test"), *map(str, given), "--json"]
        cli.main(asked, standalone_mode=False)
        assert json.loads(capsys.readouterr().out)["listeners"] == listeners
    with pytest.raises(DataError, match=r"trials\.0\.vote"):
        analyse(key, [listener(key, lambda n, o: {"vote": "c"}, "odd")])
    with pytest.raises(FullError):
        [collected.add(one, most=2) for _ in range(2)]
    with pytest.raises(DataError, match="no folder of listening tests"):
        Collection(tmp_path / "nowhere")
    assert Collection(tmp_path).test("nothing") is None
