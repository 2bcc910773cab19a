"""Every fault that is put into a recording is told, and a good recording is told to have none."""

import html
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.signal import lfilter

from ganray.cli.corpus import group
from ganray.preparing.audit.faults import FAULTS
from ganray.preparing.audit.fingerprint import duplicates, fingerprint
from ganray.preparing.audit.measures import bandwidth, measure

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import planted_faults as planted


def room(speech, seconds, seed):
    """Speech whose formants go from vowel to vowel, as no two recordings do alike, with a little silence around it."""
    random, rate = np.random.default_rng(seed), 24_000
    noise = 1e-4 * random.standard_normal(4_800)
    voice, vowels = speech(seconds, seed), np.zeros(int(seconds * rate))
    for begin in range(0, len(vowels), 3_600):
        poles = np.exp(-0.03 + 2j * np.pi * random.uniform((300, 900, 2_000), (900, 2_000, 3_000)) / rate)
        resonators = np.poly(np.concatenate([poles, poles.conj()])).real
        vowels[begin : begin + 3_600] = lfilter([1], resonators, voice)[begin : begin + 3_600]
    vowels *= np.sqrt(np.mean(voice**2) / np.mean(vowels**2))
    vowels += 0.2 * np.abs(vowels) * random.standard_normal(len(vowels))  # breath, up to the highest frequencies
    return np.concatenate([noise, 0.8 * vowels + 0.2 * voice, noise]).astype(np.float32)


@pytest.fixture
def spoilt(make_corpus, speech):
    """Forty good clips and one with every fault that made-up speech can show; {id: fault}."""
    good = {f"good{n}": (f"Sentence number {n}.", room(speech, 2, n)) for n in range(40)}
    kinds = ("clipped", "noisy", "hum", "offset", "silent_ends", "dropout", "level", "narrow")
    bad = {
        f"bad_{kind}": (
            f"Sentence number {seed + 60}.",
            planted.SPOILT[kind][0](room(speech, 2, seed + 60).astype(np.float64), 24_000),
        )
        for seed, kind in enumerate(kinds)
    }
    copy = {"bad_duplicate": ("Sentence number 90.", 0.5 * good["good7"][1][1_000:])}
    text = {"bad_wrong_pace": ("Sentence " * 12, room(speech, 2, 91))}
    return make_corpus(good | bad | copy | text), {key: key.removeprefix("bad_") for key in [*bad, *copy, *text]}


def test_every_planted_fault_is_told_and_good_recordings_are_left_alone(spoilt, tmp_path):
    corpus, faults = spoilt
    done = CliRunner().invoke(group, ["check", str(corpus), "--out", str(tmp_path / "audit"), "--here", "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    told = {entry["fault"]: {clip["id"] for clip in entry["ids"]} for entry in document["faults"]}
    for key, fault in faults.items():
        assert key in told.get(fault, set()), (fault, told)
    falsely = {key for ids in told.values() for key in ids} - set(faults)
    assert len(falsely) <= 1, told
    assert document == json.loads((tmp_path / "audit" / "audit.json").read_text())
    page = html.unescape((tmp_path / "audit" / "audit.html").read_text())
    assert all(fault.mend in page for fault in FAULTS if fault.name in told)
    assert page.count("<audio") >= len(faults)


def test_a_copy_is_found_and_another_take_is_not(speech):
    first, other = room(speech, 3, 1), room(speech, 3, 2)
    prints = [fingerprint(wave, 24_000) for wave in (first, other, 0.3 * first[5_000:], np.zeros(100, np.float32))]
    assert duplicates(prints) == [[0, 2]]


@pytest.mark.parametrize("rate", [22_050, 24_000, 48_000])
def test_what_was_upsampled_is_found_at_the_rate_that_it_had(speech, rate):
    from ganray.audio import resample

    noise = np.random.default_rng(0).standard_normal(2 * rate).astype(np.float32) * 0.01
    whole = resample(speech(2, 0), 24_000, rate)[: 2 * rate] + noise
    loud = np.ones(199, bool)
    assert bandwidth(whole, rate, loud) == rate / 2
    assert bandwidth(resample(resample(whole, rate, 8_000), 8_000, rate), rate, loud) == pytest.approx(4_000, rel=0.1)


@pytest.mark.parametrize("waveform", [np.zeros(24_000), np.full(50, 0.5), np.ones(1)], ids=["silence", "short", "one"])
def test_anything_can_be_measured(waveform):
    found = measure(waveform.astype(np.float32), 24_000)
    assert found["seconds"] == len(waveform) / 24_000
