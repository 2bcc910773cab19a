"""Mel-cepstra, pitch, periodicity, speech level, clipping: against closed forms and what public programs give."""

import numpy as np
import pytest
from scipy.signal import lfilter

from ganray.config.audio import AudioConfig
from ganray.errors import ConfigError, DataError
from ganray.metrics import MEASURES, measure
from ganray.metrics.mcd import mel_cepstrum, warping
from ganray.metrics.periodicity import frames
from ganray.metrics.speech import activity

RATE = 24_000
AUDIO = AudioConfig()


def of(name, estimate, reference=None, rate=RATE):
    return measure(name, estimate, reference=reference, sample_rate=rate, audio=AUDIO)


def tone(hz, seconds=1.5, rate=RATE):
    """A pulse-like voice of constant or gliding F0, (T,)."""
    hz = np.broadcast_to(hz, int(seconds * rate))
    phase = 2 * np.pi * np.cumsum(hz) / rate
    return (0.1 * sum(np.sin(k * phase) / k for k in range(1, 12))).astype(np.float32)


@pytest.mark.parametrize("alpha", [0.0, 0.41, 0.466])
def test_a_mel_cepstrum_gives_back_the_coefficients_that_a_spectrum_was_made_of(alpha):
    rng = np.random.default_rng(0)
    known = rng.normal(0, 0.3, (3, 13)) / np.arange(1, 14)
    omega = np.pi * np.arange(2_049) / 2_048
    warped = omega + 2 * np.arctan(alpha * np.sin(omega) / (1 - alpha * np.cos(omega)))
    power = np.exp(2 * known @ np.cos(np.outer(np.arange(13), warped)))
    found = mel_cepstrum(power, 24, alpha)
    np.testing.assert_allclose(found[:, :13], known, atol=2e-4)
    np.testing.assert_allclose(found[:, 13:], 0, atol=2e-4)


def test_the_warping_is_what_public_programs_use():
    """r9y9/nnmnkwii's `mcepalpha`, which others copy: .41, .455, .466, .544, .554."""
    found = [round(warping(rate), 3) for rate in (16_000, 22_050, 24_000, 44_100, 48_000)]
    assert found == [0.41, 0.455, 0.466, 0.544, 0.554]


def test_mel_cepstra_are_those_of_sptk():
    """Against pysptk's sp2mc, where it is installed: within 0.003 of coefficients up to 8.5, on a recording."""
    pysptk = pytest.importorskip("pysptk")
    envelope = np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.05, (4, 513)), 1))
    np.testing.assert_allclose(mel_cepstrum(envelope, 24, 0.466), pysptk.sp2mc(envelope, 24, 0.466), atol=0.01)


def test_distortion_does_not_hear_level(speech):
    assert of("mcd", 0.5 * speech[0], speech[0]) < 0.35 < of("mcd", lfilter([1, -0.9], [1], speech[0]), speech[0])


def test_a_first_order_filter_moves_cepstra_by_its_own():
    """log |1 - b e^{-jω̃}| has the coefficients -bᵐ / m on the warped axis: so many decibels of distortion."""
    b, alpha = 0.5, 0.466
    omega = np.pi * np.arange(2_049) / 2_048
    warped = omega + 2 * np.arctan(alpha * np.sin(omega) / (1 - alpha * np.cos(omega)))
    found = mel_cepstrum(np.abs(1 - b * np.exp(-1j * warped))[None] ** 2, 24, alpha)[0, 1:]
    m = np.arange(1, 25)
    np.testing.assert_allclose(found, -(b**m) / m, atol=1e-4)


@pytest.mark.parametrize("semitones", [-2.0, 0.5, 3.0])
def test_a_melody_that_is_moved_is_so_many_cents_off_and_as_correlated(semitones):
    melody = 160 + 40 * np.sin(2 * np.pi * np.arange(int(1.5 * RATE)) / RATE)
    ours, theirs = tone(melody * 2 ** (semitones / 12)), tone(melody)
    assert of("f0_rmse", ours, theirs) == pytest.approx(abs(semitones) * 100, abs=12)
    assert of("f0_correlation", ours, theirs) > 0.99


def test_a_melody_upside_down_is_correlated_the_other_way():
    wave = np.sin(2 * np.pi * np.arange(int(1.5 * RATE)) / RATE)
    assert of("f0_correlation", tone(160 * 2 ** (-wave / 4)), tone(160 * 2 ** (wave / 4))) < -0.98


def test_voicing_is_right_or_half_right():
    quiet = np.random.default_rng(0).normal(0, 0.01, RATE).astype(np.float32)
    theirs = np.concatenate([tone(150, 1.0), quiet])
    assert of("voicing_f1", theirs, theirs) == 1.0
    assert of("voicing_f1", np.concatenate([quiet, tone(150, 1.0)]), theirs) < 0.15
    half = np.concatenate([tone(150, 0.5), quiet[: RATE // 2], quiet])
    assert of("voicing_f1", half, theirs) == pytest.approx(2 * 0.5 / 1.5, abs=0.08)  # DIO needs some frames to let go


@pytest.mark.parametrize("ratio_db", [0.0, 6.0, 12.0, 20.0])
def test_a_tone_in_noise_is_as_periodic_as_its_share_of_the_power(ratio_db):
    """Boersma's r = H / (H + N), which for a harmonics-to-noise ratio of 0, 6, 12, 20 dB is .50, .80, .94, .99."""
    rng, times = np.random.default_rng(0), np.arange(3 * RATE) / RATE
    hum = np.sin(2 * np.pi * 200 * times)
    hiss = rng.standard_normal(len(times)) * np.sqrt(0.5) * 10 ** (-ratio_db / 20)
    found, _ = frames((0.1 * (hum + hiss)).astype(np.float32).tobytes(), RATE)
    expected = 1 / (1 + 10 ** (-ratio_db / 10))
    assert np.median(found) == pytest.approx(expected, abs=0.05)  # the highest of many lags of noise is above 0


def test_breath_for_voice_is_a_large_difference_of_periodicity():
    hiss = np.random.default_rng(0).normal(0, 0.1, int(1.5 * RATE)).astype(np.float32)
    assert of("periodicity", tone(150), tone(150)) == 0.0
    assert of("periodicity", hiss, tone(150)) > 0.6


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_speech_is_what_is_not_a_long_pause(share):
    """P.56 adds 0.2 s of hangover to the burst, and no more."""
    long = 20.0
    signal = np.zeros(int(long * RATE), np.float32)
    signal[: int(share * long * RATE)] = 0.2 * np.sin(np.arange(int(share * long * RATE)) * 0.3)
    factor, level = activity(signal, RATE)
    assert factor == pytest.approx(share + 0.2 / long, abs=0.012)
    assert level == pytest.approx(20 * np.log10(0.2 / np.sqrt(2)), abs=0.4)


def test_level_is_of_the_active_part_alone():
    """Twice the pauses, half the activity, the same active level: what P.56 is for."""
    burst = (0.1 * np.random.default_rng(0).standard_normal(2 * RATE)).astype(np.float32)
    once, twice = (activity(np.concatenate([burst, np.zeros(n * RATE, np.float32)]), RATE) for n in (2, 6))
    assert twice[1] == pytest.approx(once[1], abs=0.1)
    assert twice[0] == pytest.approx(once[0] / 2, rel=0.02)
    assert activity(np.zeros(RATE, np.float32), RATE) == (0.0, -np.inf)


def test_a_sine_of_full_scale_is_minus_three_lufs():
    """BS.1770-4, annex 1: 997 Hz at 0 dBFS in one channel reads -3.01 LUFS."""
    sine = np.sin(2 * np.pi * 997 * np.arange(5 * 48_000) / 48_000).astype(np.float32)
    assert of("loudness", sine, rate=48_000) == pytest.approx(-3.01, abs=0.05)
    with pytest.raises(DataError, match="shorter than"):
        of("loudness", sine[:100], rate=48_000)


def test_clipping_counts_what_was_cut_and_no_lone_peak():
    sine = np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE)
    hard = np.clip(2 * sine, -1, 1).astype(np.float32)
    # |sin| > 1/2 for two thirds of a turn.
    assert of("clipping", hard) == pytest.approx(2 / 3, abs=0.01)
    assert of("clipping", (0.999 * sine).astype(np.float32)) == 0.0
    lone = np.zeros(100, np.float32)
    lone[[10, 50]] = 1.0
    assert of("clipping", lone) == 0.0


@pytest.mark.parametrize("name", ["f0_rmse", "f0_correlation", "voicing_f1"])
def test_what_is_never_voiced_has_no_melody(name):
    with pytest.raises(DataError, match="voiced"):
        of(name, np.zeros(RATE, np.float32), np.zeros(RATE, np.float32))


def resemblyzers(first: np.ndarray, second: np.ndarray) -> float:
    """Similarity of two clips as Resemblyzer's readme takes it, with long pauses cut."""
    import resemblyzer

    encoder = resemblyzer.VoiceEncoder("cpu", verbose=False)
    clips = (resemblyzer.preprocess_wav(clip, source_sr=RATE) for clip in (first, second))
    ours, theirs = (encoder.embed_utterance(clip) for clip in clips)
    return float(ours @ theirs)


@pytest.mark.parametrize("name", ["speaker", "dnsmos"])
def test_a_measure_with_a_model_in_another_wheel(name, speech):
    """What the recording itself gets, and noise; or, where the wheel isn't installed, how to get it."""
    hiss = np.random.default_rng(0).normal(0, 0.05, len(speech[0])).astype(np.float32)
    if not MEASURES[name].installed:
        with pytest.raises(ConfigError, match="pip install"):
            of(name, speech[0], speech[0])
        return
    if name == "speaker":
        assert of(name, speech[0], speech[0]) == pytest.approx(1.0, abs=1e-4)
        assert of(name, speech[1], speech[0]) > 0.7 > of(name, hiss, speech[0])
        quiet = [0.1 * clip for clip in speech]  # Resemblyzer's readme raises the level, but never lowers it
        assert of(name, quiet[1], speech[0]) == pytest.approx(of(name, speech[1], speech[0]), abs=1e-3)
        assert of(name, quiet[1], quiet[0]) == pytest.approx(resemblyzers(quiet[0], quiet[1]), abs=0.01)
    else:
        assert of(name, speech[0], speech[0]) > 3 > of(name, hiss, speech[0])
