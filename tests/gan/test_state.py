"""What a run owns: all of it comes back, and learning rates follow the schedule."""

import copy
import math

import pytest
import torch

from ganray.config import bundled
from ganray.config.run import InitConfig
from ganray.errors import ConfigError, DataError, UsageError
from ganray.gan import GanState, GanStep
from ganray.gan.run import Run
from ganray.gan.warm_start import warm_start
from ganray.voice import export
from tests.bits import same


def test_a_restored_state_goes_on_bit_for_bit(tiny_run, batches):
    config = tiny_run("schedule.max_steps=6")
    all_batches = list(batches(config, 6))
    whole, step = GanState(config), GanStep(config)
    for batch in all_batches:
        step(whole, batch)
    cut = GanState(config)
    for batch in all_batches[:3]:
        step(cut, batch)
    restored = GanState(config)
    restored.load_state_dict(cut.state_dict())
    for batch in all_batches[3:]:
        step(restored, batch)
    assert same(restored.state_dict(), whole.state_dict())


def test_the_same_seed_gives_the_same_networks_and_another_does_not(tiny_run):
    first, again = GanState(tiny_run()), GanState(tiny_run())
    assert same(first.state_dict(), again.state_dict())
    assert not same(first.state_dict(), GanState(tiny_run("seed=2")).state_dict())


@pytest.mark.parametrize(
    ("decay", "middle"),
    [
        ("none", 1.0),
        ("linear", 0.51),
        ("cosine", 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi / 2))),
        ("exponential", 0.02**0.5),
    ],
)
def test_learning_rates_rise_then_decay(tiny_run, decay, middle):
    config = tiny_run("schedule.max_steps=1000", f"schedule.decay={decay}", "schedule.warmup_steps=9")
    state = GanState(config)

    def rate(step):
        state.step = step
        state.set_learning_rates()
        return state.generator_optimiser.param_groups[0]["lr"] / config.optim.generator.lr

    assert rate(0) == pytest.approx(0.1, rel=0.01)
    assert rate(500) == pytest.approx(middle, rel=1e-6)


def test_minutes_count_as_progress(tiny_run):
    state = GanState(tiny_run("schedule.max_steps=1000", "schedule.max_minutes=2"))
    state.seconds = 60
    assert state.progress == 0.5
    state.step = 900
    assert state.progress == 0.9


def test_the_average_follows(tiny_run, batches):
    config = tiny_run()
    state, step = GanState(config), GanStep(config)
    step(state, next(batches(config, 1)))
    average, newest = state.average.out.weight, state.generator.out.weight
    torch.manual_seed(config.seed)
    start = GanState(config).generator.out.weight
    torch.testing.assert_close(average, start + (newest - start) * (1 - 2 / 11), rtol=1e-4, atol=1e-7)


def test_a_run_is_written_whole_or_not_at_all(tiny_run, tmp_path, monkeypatch):
    run = Run.create(tmp_path / "run", tiny_run(), {"path": "d", "digest": "0"})
    state = GanState(run.config)
    state.step = 3
    monkeypatch.setattr(torch, "save", lambda content, file: (file.write(b"half"), 1 / 0))
    with pytest.raises(ZeroDivisionError):
        run.save(state)
    assert run.steps() == []
    monkeypatch.undo()
    run.save(state)
    assert run.steps() == [3]
    assert same(run.load(3), state.state_dict())


def test_a_used_name_is_refused(tiny_run, tmp_path):
    Run.create(tmp_path / "run", tiny_run(), {"path": "d", "digest": "0"})
    with pytest.raises(UsageError, match="--resume"):
        Run.create(tmp_path / "run", tiny_run(), {"path": "d", "digest": "0"})


def test_opening_gives_what_was_created(tiny_run, tmp_path):
    config = tiny_run()
    Run.create(tmp_path / "run", config, {"path": "d", "digest": "0"})
    opened = Run.open(tmp_path / "run")
    assert opened.config == config
    assert opened.dataset == {"path": "d", "digest": "0"}


def test_no_run_and_no_checkpoint_are_told(tiny_run, tmp_path):
    with pytest.raises(DataError, match="no run at"):
        Run.open(tmp_path / "nowhere")
    run = Run.create(tmp_path / "run", tiny_run(), {"path": "d", "digest": "0"})
    with pytest.raises(DataError, match="no checkpoint of step 7"):
        run.load(7)


def test_a_checkpoint_that_would_run_code_is_refused(tiny_run, tmp_path):
    run = Run.create(tmp_path / "run", tiny_run(), {"path": "d", "digest": "0"})
    torch.save({"step": print}, run.checkpoint(1))
    with pytest.raises(DataError, match="cannot read"):
        run.load(1)


def test_the_newest_and_the_best_checkpoints_stay(tiny_run, tmp_path):
    run = Run.create(tmp_path / "run", tiny_run(), {"path": "d", "digest": "0"})
    for step, mel in ((1, 0.5), (2, 0.1), (3, 0.4), (4, 0.3), (5, 0.2)):
        run.checkpoint(step).write_bytes(b"")
        run.enter(step, {"mel": mel})
    run.remove_old("lower")
    assert run.steps() == [2, 4, 5]
    assert run.best_steps("lower") == [2, 5, 4]


def test_each_network_may_have_its_own_schedule(tiny_run):
    overrides = ("optim.discriminator.decay=none", "optim.discriminator.warmup_steps=0", "schedule.warmup_steps=9")
    state = GanState(tiny_run("schedule.max_steps=100", "schedule.decay=linear", *overrides))
    state.set_learning_rates()
    assert state.generator_optimiser.param_groups[0]["lr"] == pytest.approx(0.1 * 5e-4)
    assert state.discriminator_optimiser.param_groups[0]["lr"] == pytest.approx(5e-4)
    state.step = 50
    state.set_learning_rates()
    assert state.generator_optimiser.param_groups[0]["lr"] == pytest.approx(0.51 * 5e-4)
    assert state.discriminator_optimiser.param_groups[0]["lr"] == pytest.approx(5e-4)


def test_every_rollback_makes_the_steps_smaller(tiny_run):
    state = GanState(tiny_run("schedule.decay=none", "schedule.warmup_steps=0", "healing.lr_factor=0.5"))
    state.rollbacks = 2
    state.set_learning_rates()
    assert state.generator_optimiser.param_groups[0]["lr"] == pytest.approx(0.25 * 5e-4)
    assert state.clip_norm("generator") == pytest.approx(0.25 * 10)


def test_frozen_parameters_keep_their_values(tiny_run, batches):
    config = tiny_run('optim.generator.freeze=["*blocks*"]', 'optim.discriminator.freeze=["0.*"]')
    state, step = GanState(config), GanStep(config)
    before = {name: p.detach().clone() for name, p in state.generator.named_parameters()}
    judges = [p.detach().clone() for p in state.discriminators[0].parameters()]
    for batch in batches(config, 2):
        step(state, batch)
    moved = {name for name, p in state.generator.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {name for name in before if "blocks" not in name}
    assert all(torch.equal(a, b) for a, b in zip(judges, state.discriminators[0].parameters(), strict=True))


def test_a_pattern_that_freezes_nothing_is_refused(tiny_run):
    with pytest.raises(ConfigError, match="no parameter has such a name") as caught:
        GanState(tiny_run('optim.generator.freeze=["blokcs.*"]'))
    assert caught.value.problems[0].path == "optim.generator.freeze"


def trained(config, batches, path, count=3):
    run = Run.create(path, config, {"path": "d", "digest": "0"})
    state, step = GanState(config), GanStep(config)
    for batch in batches(config, count):
        step(state, batch)
    run.save(state)
    run.enter(state.step, {"mel": 0.5})
    run.close()
    return state


def test_a_warm_start_begins_with_all_that_another_run_learned(tiny_run, batches, tmp_path):
    old = trained(tiny_run(), batches, tmp_path / "old")
    new = GanState(tiny_run("seed=2"))
    warm_start(new, InitConfig(source=str(tmp_path / "old")), "lower")
    for name in ("generator", "average", "discriminators", "generator_optimiser", "discriminator_optimiser"):
        assert same(getattr(new, name).state_dict(), getattr(old, name).state_dict()), name
    assert new.step == new.consumed == 0


def test_a_warm_start_from_a_run_in_storage(s3, tiny_run, batches, tmp_path):
    old = trained(tiny_run(), batches, s3.at(f"runs/{tmp_path.name}"))
    new = GanState(tiny_run("seed=2"))
    warm_start(new, InitConfig(source=s3.at(f"runs/{tmp_path.name}")), "lower")
    assert same(new.generator.state_dict(), old.generator.state_dict())


def test_a_warm_start_from_a_voice_takes_the_generator_alone(tiny_run, batches, tmp_path):
    old = trained(tiny_run(), batches, tmp_path / "old")
    export(tmp_path / "old", tmp_path / "voice")
    new = GanState(tiny_run("seed=2"))
    judges = copy.deepcopy(new.discriminators.state_dict())
    with pytest.raises(UsageError, match="generator alone"):
        warm_start(new, InitConfig(source=str(tmp_path / "voice")), "lower")
    warm_start(new, InitConfig(source=str(tmp_path / "voice"), parts="generator"), "lower")
    assert same(new.generator.state_dict(), old.average.state_dict())
    assert same(new.discriminators.state_dict(), judges)


def test_a_warm_start_from_a_voice_that_comes_with_ganray(tiny_run, batches, tmp_path, monkeypatch):
    old = trained(tiny_run(), batches, tmp_path / "old")
    monkeypatch.setattr(bundled, "BUNDLED", tmp_path)
    export(tmp_path / "old", tmp_path / "somebody")
    new = GanState(tiny_run("seed=2"))
    warm_start(new, InitConfig(source="somebody", parts="generator"), "lower")
    assert same(new.generator.state_dict(), old.average.state_dict())


def test_a_vocoder_that_is_trained_becomes_that_of_a_text_generator(tiny_run, tiny_text_run, batches, tmp_path):
    old = trained(tiny_run("discriminators.1.n_ffts=[2048,1024,512]"), batches, tmp_path / "old")
    new = GanState(tiny_text_run())
    warm_start(new, InitConfig(source=str(tmp_path / "old"), parts="vocoder"), "higher")
    for ours, theirs in ((new.generator, old.generator), (new.average, old.average)):
        weights = theirs.state_dict()
        assert all(torch.equal(value, weights[name]) for name, value in ours.vocoder.state_dict().items())
    assert same(new.discriminators.state_dict(), old.discriminators.state_dict())
    with pytest.raises(UsageError, match="has no vocoder part"):
        warm_start(GanState(tiny_run()), InitConfig(source=str(tmp_path / "old"), parts="vocoder"), "higher")


def test_a_text_generator_takes_the_vocoder_of_another_one_whatever_it_reads(tiny_text_run, tmp_path):
    old = trained(tiny_text_run(), lambda *_: [], tmp_path / "old")
    new = GanState(tiny_text_run("generator.text_channels=24", "seed=2"))
    text = copy.deepcopy(new.generator.acoustic.state_dict())
    warm_start(new, InitConfig(source=str(tmp_path / "old"), parts="vocoder"), "higher")
    assert same(new.generator.vocoder.state_dict(), old.generator.vocoder.state_dict())
    assert same(new.generator.acoustic.state_dict(), text)


def test_styles_begin_as_the_voice_that_had_none(tiny_text_run, tmp_path):
    old = trained(tiny_text_run(), lambda *_: [], tmp_path / "old")
    new = GanState(tiny_text_run('generator.styles=["calm", "happy"]', 'generator.languages=["en"]', "seed=2"))
    before = new.generator.acoustic.label.weight.clone()
    warm_start(new, InitConfig(source=str(tmp_path / "old"), parts="generator"), "higher")
    for network, its in ((new.generator, old.generator), (new.average, old.average)):
        weights = network.state_dict()
        assert not weights.pop("acoustic.label.weight").any()
        assert same(weights, its.state_dict())
    assert before.any()
    trained(tiny_text_run('generator.styles=["calm"]'), lambda *_: [], tmp_path / "calm")
    with pytest.raises(DataError, match="holds another network"):  # what it was taught of styles would be lost
        warm_start(GanState(tiny_text_run()), InitConfig(source=str(tmp_path / "calm"), parts="generator"), "higher")


def test_a_warm_start_from_another_network_is_refused(tiny_run, batches, tmp_path):
    trained(tiny_run(), batches, tmp_path / "old", count=1)
    with pytest.raises(DataError, match="holds another network"):
        warm_start(GanState(tiny_run("generator.channels=24")), InitConfig(source=str(tmp_path / "old")), "lower")
