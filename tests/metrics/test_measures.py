"""Each measure against a value that is known in closed form, or an order that everyone hears."""

import importlib
import subprocess
import sys

import numpy as np
import pytest

from ganray.errors import AudioContractError, ConfigError, DataError, UsageError
from ganray.metrics import MEASURES, measure, score
from ganray.metrics.per import folded
from ganray.metrics.references import griffin_lim, noise

RATE = 24_000


@pytest.fixture
def hiss() -> np.ndarray:
    """White noise, far above the floor in every band."""
    return (0.1 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)


def of(name, estimate, reference=None, *, contract, rate=RATE):
    return measure(name, estimate, reference=reference, sample_rate=rate, audio=contract)


@pytest.mark.parametrize(("name", "perfect"), [("mel", 0.0), ("stft", 0.0), ("estoi", 1.0), ("pesq", 4.644)])
def test_a_recording_is_perfect_against_itself(name, perfect, speech, contract):
    assert of(name, speech[0], speech[0], contract=contract) == pytest.approx(perfect, abs=1e-3)


@pytest.mark.parametrize(("base", "expected"), [("e", np.log(2)), ("10", np.log10(2))])
def test_twice_the_amplitude_is_log_two_of_mel(hiss, contract, base, expected):
    contract = contract.model_copy(update={"log_base": base})
    assert of("mel", 2 * hiss, hiss, contract=contract) == pytest.approx(expected, rel=1e-4)


def test_twice_the_amplitude_is_one_plus_log_two_of_stft(hiss, contract):
    assert of("stft", 2 * hiss, hiss, contract=contract) == pytest.approx(1 + np.log(2), rel=1e-3)


@pytest.mark.parametrize("name", ["distillmos", "pesq", "estoi", "mel", "stft", "mcd", "voicing_f1", "periodicity"])
def test_a_measure_puts_the_recording_before_griffin_lim_before_noise(name, speech, contract):
    known = MEASURES[name]
    rows = [speech, [griffin_lim(clip, contract) for clip in speech], [noise(clip, contract) for clip in speech]]
    means = [np.mean([of(name, e, r, contract=contract) for e, r in zip(row, speech, strict=True)]) for row in rows]
    assert means == sorted(means, reverse=known.better == "higher"), name
    assert len(set(means)) == 3, name


def test_a_measure_that_needs_a_reference_says_so(speech, contract):
    for name, known in MEASURES.items():
        if known.needs_reference and known.installed:
            with pytest.raises(UsageError, match=f"{name} compares with a reference"):
                of(name, speech[0], contract=contract)


def test_a_measure_that_needs_a_text_says_so(speech, contract):
    for name in ("per", "wer"):
        with pytest.raises(UsageError, match=f"{name} compares with a text"):
            of(name, speech[0], contract=contract)
        with pytest.raises(DataError, match="no word in the text"):
            measure(name, speech[0], text="…", sample_rate=RATE, audio=contract)


@pytest.mark.parametrize(("name", "most"), [("per", 0.3), ("wer", 0.5)])
def test_recognisers_understand_recordings_and_not_their_reverse(spoken_clips, contract, name, most):
    right, other, backwards = (
        np.mean([measure(name, clip, text=text, sample_rate=RATE, audio=contract) for clip, text in pairs])
        for pairs in (
            spoken_clips,
            [(clip, spoken_clips[place - 1][1]) for place, (clip, _) in enumerate(spoken_clips)],
            [(clip[::-1], text) for clip, text in spoken_clips],
        )
    )
    assert right < most
    assert other > 0.7
    assert backwards > 0.7


def test_phonemes_that_only_dictionaries_tell_apart_are_one():
    assert folded(["b", "ɝ", "ɔ", "d͡ʒ", "g"]) == folded(["b", "ʌ", "ɹ", "ɑ", "dʒ", "ɡ"])


def test_up_to_50_ms_of_difference_in_length_is_cropped_and_more_is_refused(speech, contract):
    clip = speech[0]
    assert of("mel", clip[: -int(0.04 * RATE)], clip, contract=contract) < 0.05
    with pytest.raises(DataError, match="differ in length"):
        of("mel", clip[: -int(0.06 * RATE)], clip, contract=contract)


def test_a_contract_of_another_rate_is_refused_with_both_values(speech, contract):
    with pytest.raises(AudioContractError, match="got 16000, want 24000"):
        of("mel", speech[0], speech[0], contract=contract, rate=16_000)


@pytest.mark.parametrize("name", MEASURES)
def test_nan_is_refused_and_counted(name, speech, contract):
    broken = speech[0].copy()
    broken[7:10] = np.nan
    with pytest.raises(DataError, match="estimate has 3 of"):
        of(name, broken, speech[0], contract=contract)


@pytest.mark.parametrize("name", ["pesq", "estoi", "distillmos"])
def test_a_model_of_hearing_refuses_silence(name, speech, contract):
    with pytest.raises(DataError, match="estimate is silent"):
        of(name, np.zeros_like(speech[0]), speech[0], contract=contract)


@pytest.mark.parametrize(("name", "reason"), [("pesq", "too short for PESQ"), ("estoi", "too little speech")])
def test_a_clip_too_short_to_judge_is_refused(name, reason, speech, contract):
    scrap = speech[0][RATE : RATE + 2_000]
    with pytest.raises(DataError, match=reason):
        of(name, scrap, scrap, contract=contract)


def test_pesq_survives_more_utterances_than_the_itu_code_has_room_for(contract):
    """31 s of short bursts end the process when they are given to the code in one piece."""
    code = (
        "import numpy as np; from ganray.config.audio import AudioConfig; from ganray.metrics import measure\n"
        "t = np.arange(31 * 16_000) / 16_000; rng = np.random.default_rng(0)\n"
        "x = (0.1 * rng.standard_normal(len(t)) * (t % 0.42 < 0.21)).astype('float32')\n"
        "y = x + 0.01 * rng.standard_normal(len(t)).astype('float32')\n"
        "audio = AudioConfig(sample_rate=16_000, f_max=8_000)\n"
        "print(measure('pesq', y, reference=x, sample_rate=16_000, audio=audio))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert 1 < float(done.stdout) < 4.64


def test_distillmos_gives_the_thread_count_back_and_prints_nothing(speech, contract, capsys):
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        of("distillmos", speech[0], contract=contract)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_tells_where_its_formula_comes_from(name):
    module = importlib.import_module(f"ganray.metrics.{name}")
    assert any("Source: " in (its.__doc__ or "") for its in vars(module).values() if callable(its))


def test_an_unknown_measure_is_told_with_the_one_that_was_meant(speech, contract):
    with pytest.raises(ConfigError, match="did you mean pesq") as caught:
        of("peqs", speech[0], contract=contract)
    assert caught.value.problems[0].value == "peqs"


@pytest.mark.parametrize(("name", "package"), [("pesq", "pesq"), ("estoi", "pystoi"), ("distillmos", "distillmos")])
def test_a_missing_extra_names_the_command_that_installs_it(name, package, speech, contract, monkeypatch):
    from ganray.metrics import distillmos

    distillmos._model.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=r'pip install "ganray\[evaluate\]"'):
        of(name, speech[0], speech[0], contract=contract)


def test_score_tells_what_failed_and_goes_on(speech, contract):
    names = ("mel", "pesq", "stft", "estoi", "distillmos")
    scores = score(names, np.zeros_like(speech[0]), reference=speech[0], sample_rate=RATE, audio=contract)
    assert set(scores.values) == {"mel", "stft"}
    assert set(scores.failures) == {"pesq", "estoi", "distillmos"}
    assert all("silent" in reason for reason in scores.failures.values())


def test_score_without_a_reference_takes_only_the_measures_that_need_none(speech, contract):
    scores = score(("pesq", "distillmos", "mcd", "clipping"), speech[0], sample_rate=RATE, audio=contract)
    assert set(scores.values) == {"distillmos", "clipping"}
    assert not scores.failures


def test_importing_the_measures_loads_nothing_heavy():
    heavy = ("torch", "matplotlib", "distillmos", "pesq", "pystoi", "ray", "scipy")
    code = f"import sys, ganray.metrics; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
