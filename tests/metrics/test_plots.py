import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ganray.config.audio import AudioConfig
from ganray.metrics.plots import colour_range, lines, mel_ticks, spectrograms, strip


def opened(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    image.load()
    assert image.format == "PNG"
    return image


def test_a_strip_is_one_point_a_value_with_high_bands_on_top_and_loud_bright():
    mel = np.zeros((4, 6), np.float32)
    mel[3, 0] = 1.0  # the highest band of the first frame
    points = np.asarray(opened(strip(mel, 0.0, 1.0)).convert("L"), dtype=int)
    assert points.shape == (4, 6)
    assert points[0, 0] > 200
    assert points[3, 5] < 10


def test_a_strip_of_one_value_can_be_drawn():
    assert opened(strip(np.full((3, 3), -11.5), -11.5, -11.5)).size == (3, 3)


def test_spectrograms_and_lines_are_pictures(contract):
    mels = {"one": np.random.default_rng(0).normal(size=(100, 40)), "two": np.zeros((100, 40))}
    one, two = (opened(spectrograms(these, contract)) for these in ({"one": mels["one"]}, mels))
    assert two.size[1] > one.size[1]
    curve = opened(lines({"a": ([0, 1, 2], [3.0, float("nan"), 1.0]), "b": ([0, 2], [2, 4])}, title="t", log_y=True))
    assert curve.size[0] > 600


def test_the_colour_range_ignores_what_is_no_number():
    low, high = colour_range([np.array([[0.0, 1.0], [np.nan, -np.inf]])])
    assert 0 <= low < high <= 1
    assert colour_range([np.full((2, 2), np.nan)]) == (0.0, 1.0)


@pytest.mark.parametrize(
    "audio", [AudioConfig(), AudioConfig(sample_rate=16_000, n_fft=512, win_length=512, n_mels=40, f_max=8_000)]
)
def test_a_tone_lights_up_at_the_height_of_its_tick(audio):
    import torch

    from ganray.audio import LogMel

    time = torch.arange(audio.sample_rate) / audio.sample_rate
    ticks = mel_ticks(audio)
    assert len(ticks) >= 3
    for hz, place in ticks:
        mel = LogMel(audio)(torch.sin(2 * torch.pi * hz * time)[None])[0]
        brightest = (int(mel.mean(1).argmax()) + 0.5) / audio.n_mels
        assert brightest == pytest.approx(place, abs=1.5 / audio.n_mels)


def test_drawing_leaves_pyplot_alone():
    code = (
        "import sys, numpy as np; from ganray.config.audio import AudioConfig; from ganray.metrics import plots\n"
        "plots.spectrograms({'a': np.zeros((100, 9))}, AudioConfig()); plots.lines({'a': ([0], [1])})\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
