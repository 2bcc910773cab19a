"""Official weights in: what an imported voice makes is what the published network makes, sample by sample."""

import json

import numpy as np
import pytest
import torch
import yaml

from ganray.audio import log_mel
from ganray.cli import _run
from ganray.errors import AudioContractError, ConfigError, DataError, UsageError
from ganray.gan.state import GanState
from ganray.gan.warm_start import warm_start
from ganray.models import build_generator, load_run
from ganray.voice import Voice, save_voice
from ganray.voice.published import import_voice
from ganray.voice.published.hifigan import export_hifigan
from tests.conftest import like_speech
from tests.voice import official

KINDS = {
    "hifigan v1": ("hifigan", official.HIFIGAN, False),
    "hifigan v3": ("hifigan", official.HIFIGAN_V3, False),
    "bigvgan": ("bigvgan", official.BIGVGAN, True),
    "bigvgan v2": ("bigvgan", official.BIGVGAN_V2, True),
    "bigvgan snake": ("bigvgan", official.BIGVGAN | {"activation": "snake", "snake_logscale": False}, True),
}


@pytest.mark.parametrize(("kind", "h", "periodic"), KINDS.values(), ids=KINDS)
def test_an_imported_voice_makes_what_the_published_network_makes(kind, h, periodic, tmp_path):
    weights = official.generator_weights(h, periodic=periodic)
    voice = import_voice(kind, *official.write(tmp_path, h, weights), tmp_path / "voice")
    assert voice.audio.sample_rate == h["sampling_rate"]
    assert voice.audio.f_max == (h["fmax"] or h["sampling_rate"] / 2)
    assert (voice.audio.epsilon, voice.audio.mel_scale, voice.audio.floor) == (1e-9, "slaney", 1e-5)
    mel = log_mel(like_speech(0.4, 1, h["sampling_rate"]), voice.audio)
    wanted = official.waveform(h, weights, torch.from_numpy(mel)[None], periodic)[0, 0].numpy()
    made = voice.vocode(mel)
    assert np.abs(wanted).max() > 0.05
    rounding = 1e-4 if periodic else 1e-5  # it grows through a hundred sines
    np.testing.assert_allclose(made, wanted, atol=rounding)
    blocks = np.concatenate([*voice.stream(mel, first_frames=3, growth=2, block_frames=11)])
    np.testing.assert_allclose(blocks, wanted, atol=rounding)


@pytest.fixture(scope="module")
def their_vocos():
    """The `vocos` package's own, of the published sizes."""
    vocos = pytest.importorskip("vocos.pretrained")
    from vocos.feature_extractors import MelSpectrogramFeatures
    from vocos.heads import ISTFTHead
    from vocos.models import VocosBackbone

    torch.manual_seed(0)
    spectrum = {"n_fft": 1024, "hop_length": 256, "padding": "center"}
    parts = {
        "feature_extractor": (MelSpectrogramFeatures, {"sample_rate": 24000, "n_mels": 100, **spectrum}),
        "backbone": (VocosBackbone, {"input_channels": 100, "dim": 512, "intermediate_dim": 1536, "num_layers": 8}),
        "head": (ISTFTHead, {"dim": 512, **spectrum}),
    }
    model = vocos.Vocos(**{name: kind(**arguments) for name, (kind, arguments) in parts.items()}).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    config = {
        name: {"class_path": f"{kind.__module__}.{kind.__name__}", "init_args": arguments}
        for name, (kind, arguments) in parts.items()
    }
    return model, config


@pytest.fixture
def vocos_files(their_vocos, tmp_path):
    model, config = their_vocos
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    return tmp_path / "pytorch_model.bin", tmp_path / "config.yaml"


def test_vocos_equals_the_vocos_package(their_vocos, vocos_files, tmp_path):
    model, _ = their_vocos
    voice = import_voice("vocos", *vocos_files, tmp_path / "voice")
    assert round(voice.num_parameters / 1e6, 1) == 13.5
    wave = like_speech(1.0, 2)
    with torch.inference_mode():
        features = model.feature_extractor(torch.from_numpy(wave)[None])
        wanted = model.decode(features)[0].numpy()
    mel = voice.mel(wave)
    np.testing.assert_allclose(mel, features[0, :, :-1].numpy(), atol=1e-3)
    made = voice.vocode(features[0].numpy())
    assert np.abs(wanted).max() > 0.01
    np.testing.assert_allclose(made[: len(wanted)], wanted.clip(-1, 1), atol=1e-5)


def test_vocos_padded_as_the_field_does(their_vocos, tmp_path):
    """`padding: same`: frames stand in the middle of their hops."""
    from vocos.heads import ISTFTHead

    model, config = their_vocos
    head = ISTFTHead(512, 1024, 256, padding="same").eval()
    head.load_state_dict(model.head.state_dict())
    same = {name: {**part, "init_args": dict(part["init_args"])} for name, part in config.items()}
    for name in ("feature_extractor", "head"):
        same[name]["init_args"]["padding"] = "same"
    torch.save(model.state_dict(), tmp_path / "w.bin")
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(same))
    voice = import_voice("vocos", tmp_path / "w.bin", tmp_path / "c.yaml", tmp_path / "voice")
    assert not voice.audio.centered
    mel = voice.mel(like_speech(0.5, 2))
    with torch.inference_mode():
        wanted = head(model.backbone(torch.from_numpy(mel)[None]))[0].numpy()
    np.testing.assert_allclose(voice.vocode(mel), wanted.clip(-1, 1), atol=1e-5)


def test_what_does_not_fit_is_refused_by_its_first_name(tmp_path):
    weights = official.generator_weights(official.HIFIGAN)
    wrong = official.HIFIGAN | {"upsample_initial_channel": 64}
    with pytest.raises(DataError, match=r"the first is conv_pre\.bias \(config \(64,\), file \(32,\)\)"):
        import_voice("hifigan", *official.write(tmp_path, wrong, weights), tmp_path / "voice")
    del weights["resblocks.3.convs2.1.bias"]
    with pytest.raises(DataError, match=r"1 tensors differ, the first is resblocks\.3\.convs2\.1\.bias"):
        import_voice("hifigan", *official.write(tmp_path, official.HIFIGAN, weights), tmp_path / "voice")
    weights = official.generator_weights(official.HIFIGAN) | {"extra.weight": torch.zeros(3)}
    with pytest.raises(DataError, match=r"the first is extra\.weight"):
        import_voice("hifigan", *official.write(tmp_path, official.HIFIGAN, weights), tmp_path / "voice")
    assert not (tmp_path / "voice").exists()


class Harmful:
    def __reduce__(self):
        return (open, ("/tmp/ganray-was-here", "w"))


def test_nothing_in_a_file_is_executed(tmp_path):
    checkpoint, config = official.write(tmp_path, official.HIFIGAN, {})
    torch.save({"generator": Harmful()}, checkpoint)
    with pytest.raises(DataError, match="can't be read as weights"):
        import_voice("hifigan", checkpoint, config, tmp_path / "voice")
    checkpoint.write_bytes(b"not a checkpoint")
    with pytest.raises(DataError, match="can't be read as weights"):
        import_voice("hifigan", checkpoint, config, tmp_path / "voice")


def test_a_vocos_of_another_class_is_refused(vocos_files, tmp_path):
    checkpoint, config = vocos_files
    document = yaml.safe_load(config.read_text())
    document["feature_extractor"]["class_path"] = "os.system"
    config.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigError, match=r"feature_extractor is os\.system, only vocos"):
        import_voice("vocos", checkpoint, config, tmp_path / "voice")


def test_a_config_that_is_wrong_or_not_whole_is_told(tmp_path):
    checkpoint, config = official.write(tmp_path, official.HIFIGAN | {"hop_size": 300}, {})
    with pytest.raises(ConfigError) as caught:
        import_voice("hifigan", checkpoint, config, tmp_path / "voice")
    assert "generator.upsample_rates" in str(caught.value)
    config.write_text(json.dumps({"resblock": "1"}))
    with pytest.raises(ConfigError, match="has no sampling_rate"):
        import_voice("hifigan", checkpoint, config, tmp_path / "voice")


def test_discriminators_come_too_and_a_run_goes_on_with_them(tmp_path):
    h = official.HIFIGAN
    checkpoint, config = official.write(tmp_path, h, official.generator_weights(h))
    mpd, msd = official.discriminator_weights()
    torch.save({"mpd": mpd, "msd": msd, "optim_g": {}, "steps": 100, "epoch": 1}, tmp_path / "do_00000100")
    voice = import_voice("hifigan", checkpoint, config, tmp_path / "voice", discriminators=tmp_path / "do_00000100")
    assert [judge["type"] for judge in voice.card["discriminators"]] == ["mpd", "msd"]
    run = load_run("hifigan_v1", ["generator.channels=32", f"init.source={tmp_path / 'voice'}"])
    state = GanState(run)
    warm_start(state, run.init, "higher")
    wave = torch.from_numpy(like_speech(0.4, 3, 22_050))[None, None, :8000]
    with torch.no_grad():
        logits = [logit for judge in state.discriminators for logit in judge(wave)[0]]
        wanted = official.judged(mpd, msd, wave)
        mel = torch.from_numpy(log_mel(wave[0, 0].numpy(), run.audio))[None]
        torch.testing.assert_close(
            state.generator({"mel": mel}), official.waveform(h, official.generator_weights(h), mel), atol=1e-5, rtol=0
        )
    assert len(logits) == 8
    for ours, theirs in zip(logits, wanted, strict=True):
        theirs = theirs[:, 0] if theirs.dim() == 3 else theirs[:, 0].transpose(1, 2)
        scale = float(theirs.abs().max())
        torch.testing.assert_close(ours.squeeze(1), theirs, atol=1e-4 * scale, rtol=1e-3)


def test_hifigan_goes_out_as_it_came_in(tmp_path):
    h = official.HIFIGAN_V3
    checkpoint, config = official.write(tmp_path, h, official.generator_weights(h))
    import_voice("hifigan", checkpoint, config, tmp_path / "voice")
    assert _run(["export", str(tmp_path / "voice"), "--out", str(tmp_path / "out"), "--format", "hifigan"]) == 0
    content = torch.load(tmp_path / "out/g_00000000", weights_only=True)["generator"]
    theirs = official.generator_weights(h)
    assert set(content) == set(theirs)
    written = json.loads((tmp_path / "out/config.json").read_text())
    for key in set(h) - {"segment_size", "num_freq"}:
        assert written[key] == h[key], key
    mel = torch.randn(1, 80, 12) - 4
    torch.testing.assert_close(official.waveform(h, content, mel), official.waveform(h, theirs, mel), atol=1e-5, rtol=0)


def test_what_hifigans_own_code_could_not_read_is_not_written(tmp_path):
    run = load_run("hifigan_v3", ["generator.channels=32", "audio.mel_scale=htk"])
    voice = save_voice(tmp_path / "htk", build_generator(run.generator, run.audio), name="htk", origin={}, sample=None)
    with pytest.raises(AudioContractError, match=r"audio\.mel_scale"):
        export_hifigan(voice.generator, tmp_path / "out")
    run = load_run("vocos_small", ["generator.channels=32"])
    with pytest.raises(UsageError, match="no HiFi-GAN layout"):
        export_hifigan(build_generator(run.generator, run.audio), tmp_path / "out")


def test_the_command_says_what_it_made(tmp_path, capsys):
    h = official.HIFIGAN
    checkpoint, config = official.write(tmp_path, h, official.generator_weights(h))
    assert _run(["import", "hifigan", str(checkpoint), str(config), "--out", str(tmp_path / "v"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["kind"] == "mel"
    assert told["digest"] == Voice.load(tmp_path / "v").digest
    assert _run(["import", "hifigan", "nowhere", str(config), "--out", str(tmp_path / "w")]) == 4
