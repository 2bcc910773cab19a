"""Every registered discriminator keeps the contract."""

import pytest
import torch

from ganray.config import AudioConfig
from ganray.config.run import Architecture
from ganray.models import build_discriminators, types
from ganray.models.discriminators.cqt import ConstantQ
from ganray.models.discriminators.wavegan import shuffled

SMALL = {
    "mpd": {"channels": [4, 8], "periods": [2, 3]},
    "mrd": {"channels": 4, "n_ffts": [1024, 512]},
    "msd": {"scales": 2, "channels": [4, 4, 4, 8, 8, 8, 8]},
    "article": {"channels": [4, 8]},
    "wavegan": {"channels": 4, "layers": 3},
    "cqt": {"hop_lengths": [256], "bins_per_octave": [8], "octaves": 3, "channels": 4},
}


def discriminator(name, length=4096):
    torch.manual_seed(0)
    return build_discriminators([Architecture(type=name, **SMALL.get(name, {}))], AudioConfig(), length)[0]


def waveform(batch=3, length=4096):
    torch.manual_seed(1)
    return 0.1 * torch.randn(batch, 1, length)


@pytest.mark.parametrize("name", types("discriminators"))
def test_gives_logits_and_features_of_every_sub_judge(name):
    model = discriminator(name)
    logits, features = model(waveform())
    assert len(model.ears) == len({ear.name for ear in model.ears}) == len(logits)
    assert len(logits) == len(features) > 0
    assert all(len(logit) == 3 for logit in logits)
    assert all(len(of_one) > 0 for of_one in features)


@pytest.mark.parametrize("name", types("discriminators"))
def test_gradient_reaches_every_parameter_and_the_waveform(name):
    model, audio = discriminator(name), waveform().requires_grad_()
    sum(logit.square().mean() for logit in model(audio)[0]).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []
    assert audio.grad.abs().sum() > 0


@pytest.mark.parametrize("name", types("discriminators"))
def test_items_of_a_batch_never_influence_each_other(name):
    model, audio = discriminator(name), waveform()
    together, alone = model(audio)[0], model(audio[1:2])[0]
    for both, one in zip(together, alone, strict=True):
        torch.testing.assert_close(both[1:2], one, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", types("discriminators"))
def test_silence_has_a_finite_gradient(name):
    audio = torch.zeros(1, 1, 4096, requires_grad=True)
    sum(logit.square().mean() for logit in discriminator(name)(audio)[0]).backward()
    assert torch.isfinite(audio.grad).all()


@pytest.mark.parametrize("name", types("discriminators"))
def test_a_judge_learns_to_tell_noise_from_a_tone(name):
    model = discriminator(name)
    optimiser = torch.optim.AdamW(model.parameters(), 5e-3)
    tone = 0.1 * torch.sin(torch.arange(4096) * 0.05).expand(3, 1, -1)
    losses = []
    for _ in range(40):
        real, fake = model(tone)[0], model(waveform())[0]
        loss = sum((r - 1).square().mean() + f.square().mean() for r, f in zip(real, fake, strict=True)) / len(real)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.4
    assert losses[-1] < 0.6 * losses[0]


def test_phase_shuffle_follows_the_key_and_nothing_else():
    model, audio, key = discriminator("wavegan"), waveform(), torch.tensor([5, 6, 7])
    logits, features = model(audio, key)
    assert torch.equal(logits[0], model(audio, key)[0][0])
    torch.testing.assert_close(logits[0][1:2], model(audio[1:2], key[1:2])[0][0], atol=1e-5, rtol=1e-4)
    assert not torch.allclose(logits[0], model(audio, key + 1)[0][0])
    assert torch.equal(features[0][0], model(audio)[1][0][0]), "the first map comes before the first shuffle"


def test_phase_shuffle_moves_by_every_step_and_mirrors_what_leaves():
    ramp = torch.arange(8.0).expand(400, 2, 8)
    moved = shuffled(ramp, torch.arange(400), 2)
    kinds = {tuple(row.tolist()) for row in moved[:, 1]}
    assert kinds == {
        (0, 1, 2, 3, 4, 5, 6, 7), (1, 0, 1, 2, 3, 4, 5, 6), (2, 1, 0, 1, 2, 3, 4, 5),
        (1, 2, 3, 4, 5, 6, 7, 6), (2, 3, 4, 5, 6, 7, 6, 5),
    }  # fmt: skip


@pytest.mark.parametrize("semitones", [-50, -31, -17, -3])
def test_a_tone_is_in_its_own_bin_of_the_constant_q_spectrum(semitones):
    """One bin a semitone, counted down from half the sample rate."""
    bins, octaves, rate = 12, 5, 24_000
    tone = torch.sin(2 * torch.pi * rate / 2 * 2 ** (semitones / 12) * torch.arange(rate) / rate)[None, None]
    spectra = ConstantQ(256, bins, octaves)(tone)
    whole = torch.cat(spectra, -1)
    assert whole.shape == (1, 2, 94, bins * octaves)
    strength = whole.square().sum(1)[0, 20:70].mean(0)
    assert int(strength.argmax()) == bins * octaves + semitones
    others = torch.cat([strength[: semitones - 1], strength[semitones + 2 :]]) if semitones < -2 else strength[:-3]
    assert others.max() < 0.3 * strength.max()


def test_noise_is_as_loud_in_every_bin_of_the_constant_q_spectrum():
    torch.manual_seed(0)
    whole = torch.cat(ConstantQ(64, 8, 5)(torch.randn(4, 1, 2**16)), -1)[:, :, 50:-50]
    strength = whole.square().mean((0, 1, 2))[:-1]  # the last bin lies at the edge, half the sample rate
    assert strength.max() / strength.min() < 1.6


def test_a_short_segment_reaches_the_lowest_of_the_papers_nine_octaves():
    model = build_discriminators([Architecture(type="cqt", channels=2)], AudioConfig(), 4096)[0]
    audio = waveform(1).requires_grad_()
    sum(logit.square().mean() for logit in model(audio)[0]).backward()
    assert torch.isfinite(audio.grad).all()
    assert audio.grad.abs().sum() > 0
