"""Judges' logits lie where they belong, and what is said to matter does."""

import numpy as np
import pytest
import torch

from ganray.audio import log_mel
from ganray.config import AudioConfig
from ganray.config.run import AdversarialConfig, Architecture
from ganray.insight.carriers import carried_by, projected, without
from ganray.insight.faithful import tried
from ganray.insight.giveaway import give_away, in_bands, mended
from ganray.insight.judges import Panel, band_centres
from ganray.models import build_discriminators, build_generator, load_run
from tests.conftest import TINY, like_speech

AUDIO = AudioConfig()
RATE, HOP = AUDIO.sample_rate, AUDIO.hop_length
LENGTH = 96 * HOP
JUDGES = {
    "mpd": {"channels": [8, 16], "periods": [2, 3]},
    "mrd": {"channels": 4, "n_ffts": [2048, 1024]},
    "msd": {"scales": 2, "channels": [4, 4, 4, 8, 8, 8, 8]},
    "mel": {"channels": 4},
    "article": {"channels": [4, 8]},
    "wavegan": {"channels": 4, "layers": 3},
    "cqt": {"hop_lengths": [256], "bins_per_octave": [24], "octaves": 5, "channels": 4},
}
LSGAN = {"ce": 0.0, "lambda_mse": 1.0, "hinge": 0.0}


def panel(*names, objective=LSGAN, segment=8192):
    torch.manual_seed(0)
    configs = [Architecture(type=name, **JUDGES[name]) for name in names]
    judges = build_discriminators(configs, AUDIO, segment).eval().requires_grad_(False)
    return Panel(judges, AdversarialConfig(**objective))


@pytest.fixture(scope="module")
def real():
    return like_speech(LENGTH / RATE + 0.01, 0)[:LENGTH]


@pytest.fixture(scope="module")
def fake(real):
    return (real + 0.02 * np.random.default_rng(1).standard_normal(LENGTH)).astype(np.float32)


@pytest.mark.parametrize("name", ["mpd", "mrd", "msd", "mel", "cqt"])
def test_a_change_at_a_moment_shows_at_that_moment(name, real):
    """A burst of 20 ms at 0.7 s changes the map there, and nowhere else much."""
    burst, frame = real.copy(), round(0.7 * RATE / HOP)
    at = slice(round(0.69 * RATE), round(0.71 * RATE))
    burst[at] += 0.3 * np.random.default_rng(0).standard_normal(at.stop - at.start).astype(np.float32)
    ours = panel(name)
    for before, after in zip(ours.hear(real), ours.hear(burst), strict=True):
        change = np.abs(after.over(AUDIO, 96) - before.over(AUDIO, 96)).mean(0)
        centre = (change**2 * np.arange(96)).sum() / (change**2).sum()
        wide = {"msd": 8, "cqt": 6}.get(name, 3)  # a second scale hears 0.4 s at once, low octaves are slow
        assert abs(centre - frame) < wide, before.judge
        assert change[frame - 20 : frame + 20].sum() > 0.8 * change.sum(), before.judge


@pytest.mark.parametrize("name", ["mrd", "mel", "cqt"])
@pytest.mark.parametrize("hz", [1_000, 5_000])
def test_a_tone_shows_at_its_frequency(name, hz, real):
    tone = real + 0.2 * np.sin(2 * np.pi * hz * np.arange(LENGTH) / RATE).astype(np.float32)
    ours = panel(name)
    for before, after in zip(ours.hear(real), ours.hear(tone), strict=True):
        change = np.abs(after.over(AUDIO, 96) - before.over(AUDIO, 96)).mean(1)
        loudest = band_centres(AUDIO)[change.argmax()]
        near = abs(np.log2(loudest / hz)) < 1.2 if name == "cqt" else abs(loudest - hz) < 1_500
        assert near, before.judge  # a row sees some sixty bins, of a constant-Q spectrum two octaves


@pytest.mark.parametrize("name", ["article", "wavegan"])
def test_a_judge_of_segments_hears_them_in_turn(name, real):
    (heard,) = panel(name, segment=8192).hear(real)
    assert heard.realness.shape == (1, LENGTH // 8192)
    assert heard.over(AUDIO, 96).shape == (AUDIO.n_mels, 96)


def test_realness_is_what_the_objective_aims_at():
    logits = torch.tensor([-1.0, 0.0, 1.0])
    square = panel("mel", objective=LSGAN).realness(logits)
    entropy = panel("mel", objective={"ce": 1.0, "lambda_mse": 0.0, "hinge": 0.0}).realness(logits)
    hinge = panel("mel", objective={"ce": 0.0, "lambda_mse": 0.0, "hinge": 1.0}).realness(logits)
    assert square.tolist() == [-1, 0, 1]
    torch.testing.assert_close(entropy, torch.tensor([0.2689, 0.5, 0.7311]), atol=1e-4, rtol=0)
    assert hinge.tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("names", [["mpd"], ["mrd"], ["mpd", "mrd", "mel"]])
def test_what_gives_it_away_adds_up_and_is_faithful(names, real, fake):
    ours = panel(*names)
    found = give_away(ours, real, fake, AUDIO, steps=200 if "mel" in names else 24)  # logarithms turn faster
    assert found.completeness == pytest.approx(1, abs=0.05)

    def score(waveform):
        with torch.inference_mode():
            return float(ours.score(torch.from_numpy(waveform)[None, None]))

    sign = 1 if found.real > found.fake else -1  # judges that have not learned may prefer the fake
    test = tried(
        sign * found.cells,
        found.difference,
        lambda cells: sign * (score(mended(real, fake, cells, AUDIO)) - found.fake),
    )
    assert test.everything == pytest.approx(abs(found.real - found.fake), abs=1e-4)
    assert test.faithful
    assert test.said > 3 * abs(test.rest)
    # And a map that points elsewhere is found out.
    wrong = tried(
        -sign * found.cells,
        found.difference,
        lambda cells: sign * (score(mended(real, fake, cells, AUDIO)) - found.fake),
    )
    assert not wrong.faithful


def test_bands_share_out_all_of_the_bins(real, fake):
    cells = np.random.default_rng(0).standard_normal((AUDIO.n_fft // 2 + 1, 7))
    assert in_bands(cells, AUDIO).sum(0) == pytest.approx(cells.sum(0))
    everything = np.ones((AUDIO.n_fft // 2 + 1, LENGTH // HOP + 1), bool)
    np.testing.assert_allclose(mended(real, fake, everything, AUDIO), real, atol=1e-4)
    np.testing.assert_allclose(mended(real, fake, ~everything, AUDIO), fake, atol=1e-6)


def test_what_a_waveform_hangs_on_adds_up_and_is_faithful(real):
    run = load_run("source_filter_small", TINY)
    torch.manual_seed(0)
    generator = build_generator(run.generator, AUDIO).eval().requires_grad_(False)
    mel = torch.from_numpy(log_mel(real, AUDIO))[None]
    with torch.no_grad():
        inputs = generator.prepare(mel, torch.tensor([0]), torch.full((1, mel.shape[-1]), 150.0))
    found = carried_by(generator, inputs)
    assert found.nothing == pytest.approx(0, abs=1e-3)
    assert found.completeness == pytest.approx(1, abs=0.05)

    def lost(cells):
        return 1 - projected(generator, inputs, without(inputs, cells, generator))

    test = tried(found.cells, mel[0].numpy(), lost)
    assert test.faithful
    assert test.said > 2 * test.chance
    assert test.everything == pytest.approx(1, abs=1e-3)
