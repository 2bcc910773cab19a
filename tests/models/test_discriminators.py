"""Every registered discriminator keeps the contract."""

import pytest
import torch

from ganray.config import AudioConfig
from ganray.config.run import Architecture
from ganray.models import build_discriminators, types

SMALL = {
    "mpd": {"channels": [4, 8], "periods": [2, 3]},
    "mrd": {"channels": 4, "n_ffts": [1024, 512]},
    "msd": {"scales": 2, "channels": [4, 4, 4, 8, 8, 8, 8]},
    "article": {"channels": [4, 8]},
}


def discriminator(name, length=4096):
    torch.manual_seed(0)
    return build_discriminators([Architecture(type=name, **SMALL.get(name, {}))], AudioConfig(), length)[0]


def waveform(batch=3, length=4096):
    torch.manual_seed(1)
    return 0.1 * torch.randn(batch, 1, length)


@pytest.mark.parametrize("name", types("discriminators"))
def test_gives_logits_and_features_of_every_sub_judge(name):
    logits, features = discriminator(name)(waveform())
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
