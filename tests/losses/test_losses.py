import math

import pytest
import torch

from ganray.config import AudioConfig
from ganray.config.run import AdversarialConfig
from ganray.losses import MelLoss, StftLoss, discriminator_loss, feature_matching, generator_loss, gradient_penalty

REAL, FAKE = [torch.tensor([2.0, -1.0])], [torch.tensor([0.5, 3.0])]


def softplus(x):
    return math.log1p(math.exp(x))


@pytest.mark.parametrize(
    ("keys", "told", "passed"),
    [
        (
            {"ce": 1, "lambda_mse": 0},
            (softplus(-2) + softplus(1)) / 2 + (softplus(0.5) + softplus(3)) / 2,
            (softplus(-0.5) + softplus(-3)) / 2,
        ),
        ({"lambda_mse": 1}, (1 + 4) / 2 + (0.25 + 9) / 2, (0.25 + 4) / 2),
        ({"lambda_mse": 0, "hinge": 1}, (0 + 2) / 2 + (1.5 + 4) / 2, -1.75),
        ({"lambda_mse": 0, "wasserstein": 1}, 1.75 - 0.5, -1.75),
    ],
)
def test_adversarial_losses_in_closed_form(keys, told, passed):
    config = AdversarialConfig(**keys)
    assert discriminator_loss(REAL, FAKE, config).item() == pytest.approx(told, rel=1e-6)
    assert generator_loss(FAKE, config).item() == pytest.approx(passed, rel=1e-6)


def test_lambda_weighs_least_squares_against_cross_entropy():
    def loss(**keys):
        return discriminator_loss(REAL, FAKE, AdversarialConfig(**keys)).item()

    both = loss(ce=1, lambda_mse=0.3)
    assert both == pytest.approx(loss(ce=1, lambda_mse=0) + 0.3 * loss(ce=0, lambda_mse=1), rel=1e-6)


def test_feature_matching_is_a_mean_over_layers_and_judges_and_leaves_real_alone():
    real = [[torch.ones(2, 3, requires_grad=True), torch.zeros(2, 4)]]
    fake = [[torch.full((2, 3), 3.0, requires_grad=True), torch.ones(2, 4)]]
    loss = feature_matching(real, fake)
    loss.backward()
    assert loss.item() == pytest.approx((2 + 1) / 2)
    assert real[0][0].grad is None
    assert fake[0][0].grad is not None


@pytest.mark.parametrize("loss", [MelLoss(AudioConfig()), StftLoss()])
def test_spectral_losses_are_zero_only_for_the_same(loss):
    torch.manual_seed(0)
    audio = 0.1 * torch.randn(2, 1, 8192)
    assert loss(audio, audio).item() == 0
    assert loss(0.5 * audio, audio).item() > 0.1


def test_mel_loss_of_half_the_amplitude_is_log_two():
    torch.manual_seed(0)
    audio = 0.3 * torch.randn(2, 1, 16_384)
    assert MelLoss(AudioConfig())(0.5 * audio, audio).item() == pytest.approx(math.log(2), rel=1e-3)


@pytest.mark.parametrize("loss", [MelLoss(AudioConfig()), StftLoss()])
def test_spectral_losses_of_a_batch_are_the_mean_of_its_items(loss):
    torch.manual_seed(0)
    fake, real = 0.1 * torch.randn(4, 1, 8192), 0.3 * torch.randn(4, 1, 8192)
    parts = [loss(fake[i : i + 1], real[i : i + 1]) for i in range(4)]
    torch.testing.assert_close(loss(fake, real), torch.stack(parts).mean(), rtol=1e-4, atol=1e-5)


def test_the_gradient_penalty_of_a_plane_is_in_closed_form_and_is_learned_from():
    """D(x) = w·x has slope |w| everywhere; D's gradient of (|w| - 1)² is 2 (|w| - 1) w / |w|."""
    w = torch.tensor([3.0, 4.0], requires_grad=True)
    real, fake, key = torch.randn(5, 1, 2), torch.randn(5, 1, 2), torch.arange(5)
    penalty = gradient_penalty(lambda x: [(x[:, 0] * w).sum(1)], real, fake, key)
    assert penalty.item() == pytest.approx(16)
    penalty.backward()
    torch.testing.assert_close(w.grad, 8 * torch.tensor([0.6, 0.8]))


def test_the_gradient_penalty_of_a_batch_is_the_mean_of_its_items():
    torch.manual_seed(0)
    real, fake, key = torch.randn(4, 1, 64), torch.randn(4, 1, 64), torch.arange(4)

    def judge(x):
        return [x.square().sum(-1), x.sin()]

    parts = [gradient_penalty(judge, real[i : i + 1], fake[i : i + 1], key[i : i + 1]) for i in range(4)]
    torch.testing.assert_close(gradient_penalty(judge, real, fake, key), torch.stack(parts).mean())
