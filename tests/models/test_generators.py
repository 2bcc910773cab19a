"""Every registered generator keeps the contract; a new one is found without a word here."""

import copy
import math
from dataclasses import replace

import pytest
import torch

from ganray.config import AudioConfig
from ganray.config.run import Architecture
from ganray.data.script import Script
from ganray.models import build_generator, slice_frames, types
from ganray.models.contract import remove_weight_norm
from ganray.models.registry import schema_of
from ganray.text.manner import Manner

AUDIO = AudioConfig()
UPSAMPLING = {"channels": 16, "resblock_kernels": [3, 7], "resblock_dilations": [[1], [3]]}
SMALL = {
    "source_filter": {"channels": 32, "inner": 64, "blocks": 2, "f0_channels": 16, "f0_blocks": 1},
    "vocos": {"channels": 32, "inner": 64, "blocks": 2},
    "text": {
        "text_channels": 16,
        "text_blocks": 1,
        "channels": 32,
        "inner": 64,
        "blocks": 1,
        "vocoder": {"channels": 32, "inner": 64, "blocks": 2, "f0_channels": 16, "f0_blocks": 1},
    },
    "article": {"channels": 16, "length": 4096},
    "wavegan": {"channels": 4, "layers": 4},
    "hifigan": UPSAMPLING | {"upsample_rates": [16, 16], "upsample_kernels": [32, 32]},
    "bigvgan": UPSAMPLING | {"channels": 8, "upsample_rates": [16, 16], "upsample_kernels": [32, 32]},
    "istftnet": UPSAMPLING | {"upsample_rates": [8, 8], "upsample_kernels": [16, 16]},
    "mb_istft": UPSAMPLING | {"upsample_rates": [4, 4], "upsample_kernels": [16, 16]},
}
"""Sizes for the test where an architecture's own are large."""

VARIED = [
    ("hifigan", {"resblock_pairs": False}),
    ("bigvgan", {"activation": "snake", "log_scale": False, "tanh": False, "last_bias": False}),
    ("bigvgan", {"resblock_pairs": False}),
    *[("source_filter", {"parts": [part]}) for part in ("harmonic", "noise", "free")],
]


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


def script(frames, symbols, labels=0):
    """Items of so many frames and symbols, of no meaning."""
    torch.manual_seed(2)
    said = torch.randint(3, 40, (len(frames), max(symbols)))
    f0 = 180 + 40 * torch.rand(len(frames), max(frames))
    f0[:, ::5] = 0
    padded = torch.zeros(len(frames), max(frames) * AUDIO.hop_length + 2 * AUDIO.pad)
    for row, (length, width) in enumerate(zip(frames, symbols, strict=True)):
        said[row, width:], f0[row, length:] = 0, 0
    start = torch.zeros(len(frames), dtype=torch.int64)
    weights = torch.eye(labels)[torch.arange(len(frames)) % labels] if labels else torch.zeros(len(frames), 0)
    return Script(said, torch.tensor(symbols), padded, f0, torch.tensor(frames), start, weights)


def test_there_are_generators():
    assert {"article", "bigvgan", "hifigan", "istftnet", "mb_istft", "source_filter", "text", "vocos"} <= set(
        types("generators")
    )


@pytest.mark.parametrize("name", types("generators"))
def test_shape_and_range(name):
    model = generator(name)
    _, audio = make(model)
    length = model.config.length if model.condition == "noise" else 40 * AUDIO.hop_length
    assert audio.shape == (2, 1, length)
    assert audio.abs().max() <= 1
    assert audio.std() > 1e-6


@pytest.mark.parametrize(("name", "keys"), [(name, {}) for name in types("generators")] + VARIED)
def test_gradient_reaches_every_parameter(name, keys):
    model = generator(name, **keys)
    f0 = torch.full((2, 40), 180.0)
    f0[:, 10:20] = 0
    own = {}
    if model.condition == "text":
        said, own = model.learn(script([40, 40], [12, 9]), speech_mel(40))
        audio = model(model.prepare(said, torch.arange(2), f0))
    else:
        _, audio = make(model, f0=f0)
    loss = audio.square().mean() + sum(own.values())
    if model.has_f0_head:
        loss = loss + model.f0_loss(speech_mel(40), f0)
    loss.backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("name", types("generators"))
def test_the_same_key_gives_the_same_waveform_in_any_batch(name, in_doubles):
    model = generator(name).eval()
    both = make(model, batch=2)[1]
    mel = speech_mel(40)[1:] if model.condition != "noise" else speech_mel(40)[:1]
    alone = model(model.prepare(mel, torch.tensor([1])))
    # A rounding of the F0 head's estimate becomes one of the phase, and grows with the time.
    torch.testing.assert_close(alone[0], both[1], atol=3e-5, rtol=1e-4)


OF_FRAMES = [(n, {}) for n in types("generators") if generator(n).condition != "noise"]
STRIDED = [("source_filter", {"stride": 2}), ("source_filter", {"stride": 3})]


@pytest.mark.parametrize(("name", "keys"), OF_FRAMES + STRIDED + VARIED)
@pytest.mark.parametrize("block", [1, 7, 30])
def test_blocks_with_their_context_equal_the_whole(name, keys, block, in_doubles):
    model = generator(name, **keys).eval()
    for parameter in model.parameters():  # larger than at the start, so that every path is heard
        # Waves and exponentials make more of a rounding.
        parameter.data.mul_(2 if name in ("bigvgan", "istftnet", "mb_istft") else 3)
    frames, hop, context = 90, AUDIO.hop_length, model.context_frames
    with torch.no_grad():
        inputs, whole = make(model, frames, 1)
        blocks = []
        for start in range(0, frames, block):
            first, stop = max(0, start - context), min(frames, start + block)
            made = model(slice_frames(inputs, first, min(frames, stop + context)))
            blocks.append(made[..., (start - first) * hop : (stop - first) * hop])
    torch.testing.assert_close(torch.cat(blocks, -1), whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("name", "keys"), OF_FRAMES + STRIDED + VARIED)
def test_the_stated_context_is_no_larger_than_needed(name, keys):
    """A sample changes when the farthest frame of the context does, give or take what a window's edge hides."""
    model = generator(name, **keys).eval()
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
    assert model.context_frames - 4 - 2 * keys.get("stride", 0) <= reach <= model.context_frames


def test_slices_of_a_batch_may_begin_anywhere():
    """Of frames that are computed as one, each item knows which of them its first one is."""
    model = generator("source_filter", stride=3).eval()
    context = model.context_frames
    with torch.no_grad():
        inputs, whole = make(model, 120, 2)
        starts = (context + 1, context + 5)
        parts = [slice_frames({k: v[i : i + 1] for k, v in inputs.items()}, start - context, start + 10 + context)
                 for i, start in enumerate(starts)]  # fmt: skip
        made = model({key: torch.cat([part[key] for part in parts]) for key in inputs})
    for row, start in enumerate(starts):
        ours = made[row, 0, context * AUDIO.hop_length :][: 10 * AUDIO.hop_length]
        theirs = whole[row, 0, start * AUDIO.hop_length :][: 10 * AUDIO.hop_length]
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


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


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_clip_of_a_script_is_learned_as_if_it_were_alone(stride):
    model, mel = generator("text", stride=stride), speech_mel(50)
    whole = script([50, 30], [9, 14])
    both, both_losses = model.learn(whole, mel)
    long, short = whole.split(2)
    short = replace(short, padded=short.padded[:, : 30 * AUDIO.hop_length + 2 * AUDIO.pad], f0=short.f0[:, :30])
    its, losses = model.learn(short, mel[1:, :, :30])
    torch.testing.assert_close(both[1:, :, :30], its, atol=1e-5, rtol=1e-5)
    _, other = model.learn(long, mel[:1])
    for name, loss in both_losses.items():
        torch.testing.assert_close(loss, (losses[name] + other[name]) / 2, msg=name, atol=1e-5, rtol=1e-4)


def said(model, **manner):
    symbols = torch.tensor([[0, 20, 50, 31, 1, 44, 60, 12, 4, 0]])
    with torch.no_grad():
        model.acoustic.pitch.out.bias[-1] = 5.0  # all is voiced
        model.acoustic.timing_out.bias[0] = 2.5  # some twelve frames each
        return model.speak(symbols, torch.tensor([3]), Manner(**manner))


def test_speed_pitch_volume_and_pauses_are_what_was_asked_for():
    model = generator("text").eval()
    plain, frames = said(model)
    _, twice = said(model, rate=torch.tensor(0.5))
    assert twice.sum() / frames.sum() == pytest.approx(2, abs=0.05)
    high, same = said(model, pitch=torch.tensor(3.0))
    assert torch.equal(frames, same)
    torch.testing.assert_close(high["f0"] / plain["f0"], torch.full_like(plain["f0"], 2**0.25))
    loud, _ = said(model, volume=torch.tensor(6.0))
    torch.testing.assert_close(loud["mel"] - plain["mel"], torch.full_like(plain["mel"], 6 / 20 * math.log(10)))
    flat, _ = said(model, pitch_range=0.0)
    assert flat["f0"].std() < 1e-2
    pause = torch.zeros(1, 10, dtype=torch.int64)
    pause[0, 4] = 47
    _, paused = said(model, frames=pause)
    assert paused[0, 4] == 47
    assert torch.equal(paused[0, :4], frames[0, :4])


def test_one_word_can_be_said_higher_than_the_others():
    model = generator("text").eval()
    plain, frames = said(model)
    pitch = torch.zeros(1, 10)
    pitch[0, 5:8] = -2.0
    bent, _ = said(model, pitch=pitch)
    ratio = (bent["f0"] / plain["f0"])[0, 0]
    before, inside = int(frames[0, :5].sum()), int(frames[0, 5:8].sum())
    torch.testing.assert_close(ratio[:before], torch.ones(before))
    torch.testing.assert_close(ratio[before : before + inside], torch.full((inside,), 2 ** (-2 / 12)))


def test_a_text_generator_learns_a_script_by_heart():
    model, clips, words = generator("text"), speech_mel(40), script([40, 36], [12, 9])
    optimiser = torch.optim.AdamW([*model.acoustic.parameters(), *model.aligner.parameters()], 5e-3)
    told = []
    for _ in range(40):
        _, losses = model.learn(words, clips)
        optimiser.zero_grad()
        sum(losses.values()).backward()
        optimiser.step()
        told.append({name: float(loss.detach()) for name, loss in losses.items()})
    for name in ("acoustic", "duration", "pitch"):
        assert told[-1][name] < 0.7 * told[0][name], name


def test_a_clip_that_does_not_say_its_text_is_not_learned():
    clips, words = speech_mel(40), script([40, 36], [12, 9])
    sceptic = generator("text", least_certainty=0.99)
    assert (sceptic.align(words, clips).certainty < 0.99).all()
    said, losses = sceptic.learn(words, clips)
    torch.testing.assert_close(said[0], clips[0])  # the vocoder learns from the recording itself
    for name in ("acoustic", "duration", "energy", "pitch"):
        assert losses[name] == 0, name
    assert losses["alignment"] > 0  # or it would never be believed
    said, losses = generator("text", least_certainty=0).learn(words, clips)
    assert (said[0] - clips[0]).abs().mean() > 0.1
    assert all(loss > 0 for loss in losses.values())


def test_certainty_is_high_only_where_one_path_is_likely():
    model, words = generator("text"), script([40, 36], [12, 9])
    unsure = model.align(words, speech_mel(40)).certainty
    assert ((unsure > 0.05) & (unsure < 0.9)).all()
    model.aligner.forward = lambda *_: sure
    sure = torch.full((2, 40, 12), -50.0)
    for item, (frames, symbols) in enumerate([(40, 12), (36, 9)]):
        for frame in range(frames):
            sure[item, frame, frame * symbols // frames] = 0
    torch.testing.assert_close(model.align(words, speech_mel(40)).certainty, torch.ones(2))


def test_speakers_languages_and_styles_are_learned_and_heard():
    model = generator("text", speakers={"anna": "de", "bruno": "it"}, languages=["de", "it"], styles=["calm"])
    _, own = model.learn(script([40, 40], [12, 9], labels=5), speech_mel(40))
    sum(own.values()).backward()
    assert (model.acoustic.label.weight.grad.abs().sum(0) > 0).tolist() == [True, True, False, False, False]
    model.eval()
    symbols, key = torch.tensor([[0, 5, 6, 7, 8, 0]]), torch.tensor([1])

    def mel(**asked):
        manner = Manner(labels=model.labels.weights(**asked)[None], frames=torch.full((1, 6), 4))
        with torch.inference_mode():
            return model.speak(symbols, key, manner)[0]["mel"]

    plain = mel(speaker="anna")
    assert not torch.allclose(plain, mel(speaker="bruno"), atol=1e-3)
    assert not torch.allclose(plain, mel(style="calm"), atol=1e-3)
    with torch.inference_mode():
        own_way = model.speak(symbols, key, Manner(frames=torch.full((1, 6), 4)))[0]["mel"]
    assert torch.equal(plain, own_way)


@pytest.mark.parametrize("name", ["hifigan", "bigvgan", "istftnet", "mb_istft"])
def test_folding_weight_norm_changes_no_sample_and_no_copy(name):
    model = generator(name).eval()
    folded = remove_weight_norm(copy.deepcopy(model))
    assert not [key for key in folded.state_dict() if "parametrizations" in key]
    with torch.no_grad():
        torch.testing.assert_close(make(folded)[1], make(model)[1], atol=1e-5, rtol=0)
