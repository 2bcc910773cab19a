import pytest
import torch

from ganray.models.f0 import F0Head, fill_unvoiced, phase_at_frames, pulse_train, to_bin, to_hz
from ganray.models.random import complex_normal, frame_keys, normal


def test_gaps_are_filled_geometrically_and_ends_are_held():
    f0 = torch.tensor([[0.0, 100, 0, 400, 0], [0, 0, 0, 0, 0]])
    filled = fill_unvoiced(f0)
    torch.testing.assert_close(filled, torch.tensor([[100.0, 100, 200, 400, 400], [150.0] * 5]))


def test_a_pulse_train_is_the_sum_of_its_harmonics():
    f0, hop, rate, limit = 220.0, 256, 24_000, 5_000.0
    track = torch.full((1, 20), f0)
    phase = phase_at_frames(track, torch.zeros(1), hop, rate)
    made = pulse_train(track, phase, hop, rate, limit)[0]
    time = (torch.arange(20 * hop, dtype=torch.float64) - hop / 2) / rate
    wanted = sum(torch.cos(2 * torch.pi * k * f0 * time) for k in range(1, int(limit // f0) + 1))
    torch.testing.assert_close(made.double(), wanted, atol=2e-3, rtol=0)


def test_phase_is_continuous_over_a_glide():
    track = torch.linspace(100, 170, 50)[None]
    phase = phase_at_frames(track, torch.zeros(1), 256, 24_000)
    made = pulse_train(track, phase, 256, 24_000, 175.0)[0]  # nothing but the fundamental
    assert made.diff().abs().max() < 2 * torch.pi * 170 / 24_000 * 1.01


def test_bins_and_hz_are_inverse():
    hz = torch.tensor([50.0, 123.4, 999.0])
    torch.testing.assert_close(to_hz(to_bin(hz)), hz, rtol=1e-5, atol=1e-3)


def test_the_head_learns_f0_and_voicing():
    torch.manual_seed(0)
    head, bins = F0Head(40, 32, 1), torch.arange(40.0)
    optimiser = torch.optim.AdamW(head.parameters(), 3e-3)
    for _ in range(200):
        f0 = (torch.rand(16, 1) * 200 + 100).expand(16, 12) * (torch.rand(16, 12) > 0.3)
        mel = -(bins[None, :, None] - f0[:, None] / 10).abs().clamp_max(8) * (f0[:, None] > 0) - 5
        loss = head.loss(mel, f0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    estimate = head.estimate(mel)
    voiced = f0 > 0
    assert ((estimate > 0) == voiced).float().mean() > 0.97
    error = (estimate[voiced & (estimate > 0)] / f0[voiced & (estimate > 0)]).log2().abs() * 12
    assert error.median() < 0.5


def test_noise_is_a_function_of_position():
    keys = frame_keys(torch.tensor([7, 8]), 50)
    torch.testing.assert_close(keys[..., 20:30], frame_keys(torch.tensor([7, 8]), 10, start=20))
    noise = complex_normal(keys, 513)
    torch.testing.assert_close(noise[..., 20:30], complex_normal(keys[..., 20:30], 513))


@pytest.mark.parametrize("part", ["real", "imag"])
def test_noise_is_white_gaussian_of_unit_variance(part):
    noise = complex_normal(frame_keys(torch.tensor([3]), 400), 513)[0]
    values = getattr(noise, part)
    assert values.mean().abs() < 0.01
    assert values.var() == pytest.approx(0.5, rel=0.02)
    kurtosis = (values**4).mean() / values.var() ** 2
    assert kurtosis == pytest.approx(3, rel=0.05)
    assert (values[:, 1:] * values[:, :-1]).mean().abs() < 0.01
    assert (values[1:] * values[:-1]).mean().abs() < 0.01


def test_noise_vectors_differ_between_keys():
    noise = normal(torch.arange(4), 101)
    assert noise.shape == (4, 101)
    assert torch.corrcoef(noise).fill_diagonal_(0).abs().max() < 0.4
