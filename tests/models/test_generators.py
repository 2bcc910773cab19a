"""Every registered generator keeps the contract; a new one is found without a word here."""

import pytest
import torch

from ganray.config import AudioConfig
from ganray.config.run import Architecture
from ganray.models import build_generator, slice_frames, types
from ganray.models.registry import schema_of

AUDIO = AudioConfig()
SMALL = {
    "source_filter": {"channels": 32, "inner": 64, "blocks": 2, "f0_channels": 16, "f0_blocks": 1},
    "vocos": {"channels": 32, "inner": 64, "blocks": 2},
    "article": {"channels": 16, "length": 4096},
    "hifigan": {
        "channels": 16,
        "upsample_rates": [16, 16],
        "upsample_kernels": [32, 32],
        "resblock_kernels": [3, 7],
        "resblock_dilations": [[1], [3]],
    },
}
"""Sizes for the test where an architecture's own are large."""


def generator(name, **keys):
    torch.manual_seed(0)
    return build_generator(Architecture(type=name, **SMALL.get(name, {}), **keys), AUDIO)


def speech_mel(frames, batch=2):
    """Log-mel magnitudes about as large as speech's."""
    torch.manual_seed(1)
    return torch.randn(batch, AUDIO.n_mels, frames) * 1.5 - 4


def make(model, frames=40, batch=2, f0=None):
    inputs = model.prepare(speech_mel(frames, batch), torch.arange(batch), f0)
    return inputs, model(inputs)


def test_there_are_generators():
    assert {"article", "hifigan", "source_filter", "vocos"} <= set(types("generators"))


@pytest.mark.parametrize("name", types("generators"))
def test_shape_and_range(name):
    model = generator(name)
    _, audio = make(model)
    length = model.config.length if model.condition == "noise" else 40 * AUDIO.hop_length
    assert audio.shape == (2, 1, length)
    assert audio.abs().max() <= 1
    assert audio.std() > 1e-6


@pytest.mark.parametrize("name", types("generators"))
def test_gradient_reaches_every_parameter(name):
    model = generator(name)
    f0 = torch.full((2, 40), 180.0)
    f0[:, 10:20] = 0
    _, audio = make(model, f0=f0)
    loss = audio.square().mean()
    if model.has_f0_head:
        loss = loss + model.f0_loss(speech_mel(40), f0)
    loss.backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("name", types("generators"))
def test_the_same_key_gives_the_same_waveform_in_any_batch(name):
    model = generator(name).eval()
    both = make(model, batch=2)[1]
    mel = speech_mel(40)[1:] if model.condition != "noise" else speech_mel(40)[:1]
    alone = model(model.prepare(mel, torch.tensor([1])))
    torch.testing.assert_close(alone[0], both[1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", [n for n in types("generators") if generator(n).condition == "mel"])
@pytest.mark.parametrize("block", [1, 7, 30])
def test_blocks_with_their_context_equal_the_whole(name, block):
    model = generator(name).eval()
    for parameter in model.parameters():  # larger than at the start, so that every path is heard
        parameter.data.mul_(3)
    frames, hop, context = 90, AUDIO.hop_length, model.context_frames
    with torch.no_grad():
        inputs, whole = make(model, frames, 1)
        blocks = []
        for start in range(0, frames, block):
            first, stop = max(0, start - context), min(frames, start + block)
            made = model(slice_frames(inputs, first, min(frames, stop + context)))
            blocks.append(made[..., (start - first) * hop : (stop - first) * hop])
    torch.testing.assert_close(torch.cat(blocks, -1), whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", [n for n in types("generators") if generator(n).condition == "mel"])
def test_the_stated_context_is_no_larger_than_needed(name):
    """A sample changes when the farthest frame of the context does, give or take what a window's edge hides."""
    model = generator(name).eval()
    for parameter in model.parameters():
        parameter.data.mul_(3)
    frames, middle = 121, 60
    with torch.no_grad():
        inputs, before = make(model, frames, 1)
        changed = inputs["mel"].clone()
        changed[..., middle] += 1
        after = model(inputs | {"mel": changed})
    heard = ((after - before)[0, 0].view(frames, -1).abs().amax(1) > 0).nonzero()[:, 0]
    reach = max(middle - int(heard.min()), int(heard.max()) - middle)
    assert model.context_frames - 4 <= reach <= model.context_frames


@pytest.mark.parametrize("name", types("generators"))
def test_defaults_are_a_valid_config(name):
    config = schema_of("generators", name)()
    assert config.type == name


def test_the_source_filter_generator_follows_the_f0_it_is_given():
    model = generator("source_filter").eval()
    mel = torch.full((1, AUDIO.n_mels, 100), -4.0)
    for hz in (120.0, 260.0):
        with torch.no_grad():
            audio = model(model.prepare(mel, torch.tensor([0]), torch.full((1, 100), hz)))[0, 0]
        spectrum = torch.fft.rfft(audio * torch.hann_window(len(audio))).abs()
        low, high = (int(hz * factor * len(audio) / AUDIO.sample_rate) for factor in (0.8, 1.2))
        peak = (low + int(spectrum[low:high].argmax())) * AUDIO.sample_rate / len(audio)
        assert peak == pytest.approx(hz, abs=1.5)
