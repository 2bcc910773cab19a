"""One update: who learns what, and that the sum of shares is the whole."""

from dataclasses import replace

import pytest
import torch

from ganray.gan import GanState, GanStep
from ganray.models import types

EVEN = "objective.weights.adversarial=1"
"""At the recipe's 5 terms cancel in some parameters, and fp32 then leaves 5.3e-3 of the largest gradient."""


def parameters(module):
    return {name: p.detach().clone() for name, p in module.named_parameters()}


def moved(module, before):
    return {name for name, p in module.named_parameters() if not torch.equal(p, before[name])}


def test_both_networks_learn_in_one_update(tiny_run, batches):
    config = tiny_run()
    state, step = GanState(config), GanStep(config)
    generator, judges = parameters(state.generator), parameters(state.discriminators)
    losses = step(state, next(batches(config, 1)))
    assert moved(state.generator, generator) == set(generator)
    assert moved(state.discriminators, judges) == set(judges)
    assert state.step == 1
    assert all(torch.isfinite(loss) for loss in losses.values())


def test_the_generators_update_leaves_the_judges_gradients_alone(tiny_run, batches):
    config = tiny_run()
    state, step = GanState(config), GanStep(config)
    batch = next(batches(config, 1))
    step.update_generator(state, [batch], [step.generate(state, batch)])
    assert all(p.grad is None and p.requires_grad for p in state.discriminators.parameters())


def test_before_their_start_step_the_judges_sleep(tiny_run, batches):
    config = tiny_run("optim.discriminator.start_step=2")
    state, step = GanState(config), GanStep(config)
    judges = parameters(state.discriminators)
    kinds = [set(step(state, batch)) for batch in batches(config, 3)]
    assert "loss/discriminator/total" not in kinds[0] | kinds[1]
    assert "loss/discriminator/total" in kinds[2]
    assert moved(state.discriminators, judges)


def test_a_loss_of_weight_zero_is_measured_and_not_trained(tiny_run, batches):
    def trained(*overrides):
        config = tiny_run("log.every_steps=1", *overrides)
        state = GanState(config)
        return GanStep(config)(state, next(batches(config, 1))), parameters(state.generator)

    with_it, weights_with = trained("objective.weights.stft=1")
    without, weights_without = trained("objective.weights.stft=0")
    assert without["loss/generator/stft"] == with_it["loss/generator/stft"]
    assert any(not torch.equal(weights_with[name], weights_without[name]) for name in weights_with)


def doubled(batch):
    """The batch in double precision."""
    return replace(batch, padded=batch.padded.double(), f0=batch.f0.double())


def gradients(config, batch, shares):
    """Gradients of both networks, added up over equal states that saw a share of the batch each."""
    sums = {}
    for start, stop in shares:
        part = replace(
            batch,
            padded=batch.padded[start:stop],
            f0=batch.f0[start:stop],
            key=batch.key[start:stop],
            share=(stop - start) / len(batch.key),
        )
        kept = []
        state = GanState(config)
        step = GanStep(config, reduce=lambda ps, kept=kept: kept.append([p.grad.clone() for p in ps]))
        # The judges must judge alike on all: their update is left out, its gradient kept.
        state.discriminator_optimiser.step = lambda: None
        step(state, part)
        for network, grads in zip(("judges", "generator"), kept, strict=True):
            for i, gradient in enumerate(grads):
                key = (network, i)
                sums[key] = sums.get(key, 0) + gradient
    return sums


@pytest.mark.parametrize("shares", [[(0, 2), (2, 4)], [(0, 1), (1, 2), (2, 3), (3, 4)], [(0, 3), (3, 4)]])
def test_gradients_of_the_shares_add_up_to_those_of_the_batch(tiny_run, batches, shares, in_doubles):
    config = tiny_run(EVEN)
    batch = doubled(next(batches(config, 1)))
    whole, parts = gradients(config, batch, [(0, 4)]), gradients(config, batch, shares)
    for key in whole:
        scale = whole[key].abs().max().clamp_min(1e-8)
        assert ((whole[key] - parts[key]).abs().max() / scale) < 1e-5, key


def test_a_batch_learned_by_heart(tiny_run, batches):
    config = tiny_run(
        "schedule.max_steps=60", "objective.weights.adversarial=0", "objective.weights.feature_matching=0"
    )
    state, step = GanState(config), GanStep(config)
    batch = next(batches(config, 1))
    losses = [step(state, batch)["loss/generator/mel"].item() for _ in range(40)]
    assert losses[-1] < 0.8 * losses[0]


def test_bf16_agrees_with_fp32_to_its_precision(tiny_run, batches):
    config = tiny_run()
    batch = next(batches(config, 1))
    made = {}
    for precision in ("fp32", "bf16"):
        state, step = GanState(config), GanStep(config, precision)
        made[precision] = step(state, batch)
    for name in ("loss/generator/mel", "loss/generator/adversarial", "loss/discriminator/total"):
        assert made["bf16"][name].item() == pytest.approx(made["fp32"][name].item(), rel=0.05)


@pytest.mark.parametrize("count", [2, 3, 4, 9])
def test_a_batch_in_parts_gives_the_update_of_the_whole(tiny_run, batches, count, in_doubles):
    """Gradient accumulation: both networks, their weights after two updates, and the losses that are told."""
    ends = []
    for accumulate in (1, count):
        config = tiny_run(EVEN, f"data.accumulate={accumulate}", "log.every_steps=1")
        kept = []
        state = GanState(config)
        step = GanStep(config, reduce=lambda ps, kept=kept: kept.append([p.grad.clone() for p in ps]))
        losses = step(state, doubled(next(batches(config, 1))))
        ends.append((kept, losses))
    (whole, losses), (parts, told) = ends
    for network in (0, 1):
        for wanted, got in zip(whole[network], parts[network], strict=True):
            assert ((wanted - got).abs().max() / wanted.abs().max().clamp_min(1e-7)) < 1e-5
    assert told.keys() == losses.keys()
    for name in losses:
        if name.startswith("loss/"):
            assert told[name].item() == pytest.approx(losses[name].item(), rel=1e-3), name


@pytest.mark.parametrize(("generator", "discriminator"), [(1, 1), (1, 3), (3, 1), (2, 2)])
def test_any_ratio_of_updates(tiny_run, batches, generator, discriminator):
    config = tiny_run(
        f"optim.generator.every_steps={generator}", f"optim.discriminator.every_steps={discriminator}",
        "data.accumulate=2",
    )  # fmt: skip
    state, step = GanState(config), GanStep(config)
    told = [set(step(state, batch)) for batch in batches(config, 6)]
    assert ["norm/generator" in names for names in told] == [i % generator == 0 for i in range(6)]
    assert ["norm/discriminator" in names for names in told] == [i % discriminator == 0 for i in range(6)]


def test_the_judges_hear_the_same_stretch_of_real_and_fake(tiny_run, batches):
    config = tiny_run("data.judged_length=2048")
    step, batch = GanStep(config), next(batches(config, 1))
    heard = step._heard(batch, batch.real)
    assert heard.shape == (4, 1, 2048)
    for row, whole in zip(heard, batch.real, strict=True):
        starts = [s for s in range(0, whole.shape[-1] - 2047, 256) if torch.equal(row, whole[:, s : s + 2048])]
        assert len(starts) == 1
    assert torch.equal(heard, step._heard(batch, batch.real))
    half = replace(batch, padded=batch.padded[2:], f0=batch.f0[2:], key=batch.key[2:])
    assert torch.equal(heard[2:], step._heard(half, half.real))


WGAN_GP = (
    "objective.adversarial={lambda_mse: 0, wasserstein: 1, gradient_penalty: 10}",
    "discriminators=[{type: wavegan, channels: 4, layers: 3}, {type: mpd, channels: [4, 8], periods: [2, 3]}]",
    "objective.weights.adversarial=1", "objective.weights.feature_matching=0",
)  # fmt: skip


@pytest.mark.parametrize("shares", [[(0, 2), (2, 4)], [(0, 1), (1, 4)]])
def test_wgan_gp_and_phase_shuffle_of_shares_add_up_to_those_of_the_batch(tiny_run, batches, shares):
    config = tiny_run(*WGAN_GP)
    batch = next(batches(config, 1))
    whole, parts = gradients(config, batch, [(0, 4)]), gradients(config, batch, shares)
    for key in whole:
        scale = whole[key].abs().max().clamp_min(1e-4)  # of a last bias nothing but rounding is left
        assert ((whole[key] - parts[key]).abs().max() / scale) < 5e-3, key


def test_wgan_gp_goes_on_bit_for_bit_and_holds_the_slope(tiny_run, batches):
    config = tiny_run(*WGAN_GP, "optim.generator.every_steps=2", "schedule.warmup_steps=0")
    step = GanStep(config)
    whole, cut = GanState(config), GanState(config)
    told = [step(whole, batch) for batch in batches(config, 8)]
    for number, batch in enumerate(batches(config, 8)):
        if number == 4:
            kept, cut = cut.state_dict(), GanState(config)
            cut.load_state_dict(kept)
        step(cut, batch)
    ends = (whole.discriminators.state_dict(), cut.discriminators.state_dict())
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    penalties = [float(losses["loss/discriminator/gradient_penalty"]) for losses in told]
    assert penalties[-1] < penalties[0]


def test_wgan_gp_of_any_judge(tiny_run, batches):
    """Each can be differentiated twice."""
    narrow = {"mpd": "[4, 8]", "msd": "[4, 4, 4, 8, 8, 8, 8]", "article": "[4]", "cqt": "2, octaves: 3"}
    for name in types("discriminators"):
        judge = f"discriminators=[{{type: {name}, channels: {narrow.get(name, 2)}}}]"
        config = tiny_run(WGAN_GP[0], judge, "objective.weights.feature_matching=0")
        state = GanState(config)
        losses = GanStep(config)(state, next(batches(config, 1)))
        assert torch.isfinite(losses["norm/discriminator"]), name
        assert losses["loss/discriminator/gradient_penalty"] > 0, name
