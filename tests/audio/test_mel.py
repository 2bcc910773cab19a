import math

import numpy as np
import pytest
import torch

from ganray.audio import LogMel, log_mel, mel_filters
from ganray.audio.mel import exp
from ganray.config import AudioConfig
from ganray.errors import AudioContractError


@pytest.mark.parametrize("samples", [8192, 8192 + 100, 24_000])
@pytest.mark.parametrize("hop", [256, 200])
def test_frames_are_samples_over_hop(samples, hop):
    audio = AudioConfig(hop_length=hop)
    mel = LogMel(audio)(torch.randn(2, samples))
    assert mel.shape == (2, audio.n_mels, samples // hop)


def test_frame_i_is_centred_on_the_middle_of_its_hop():
    audio = AudioConfig()
    click = np.zeros(64 * 256, np.float32)
    click[20 * 256 + 128] = 1
    energy = log_mel(click, audio).sum(0)
    assert int(energy.argmax()) == 20
    assert energy[19] == pytest.approx(energy[21], rel=1e-2)


def test_it_is_the_magnitude_of_numpys_fourier_transform():
    audio = AudioConfig()
    random = np.random.default_rng(0)
    wave = 0.1 * random.standard_normal(4096).astype(np.float32)
    padded = np.pad(wave, audio.pad, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    frames = np.stack([padded[i * 256 : i * 256 + 1024] * window for i in range(16)])
    wanted = np.log(np.maximum(np.abs(np.fft.rfft(frames)) @ mel_filters(audio).numpy().T, audio.floor)).T
    np.testing.assert_allclose(log_mel(wave, audio), wanted, atol=1e-4)


def test_silence_is_the_floor_and_the_base_is_kept():
    for base, wanted in (("e", math.log(1e-5)), ("10", -5.0)):
        audio = AudioConfig(log_base=base)
        mel = log_mel(np.zeros(4096, np.float32), audio)
        assert mel == pytest.approx(wanted)
        assert exp(torch.from_numpy(mel), audio).numpy() == pytest.approx(1e-5, rel=1e-4)


def test_the_digest_changes_with_every_number():
    contract = AudioConfig()
    others = [
        AudioConfig(sample_rate=22_050, f_max=11_000), AudioConfig(n_fft=2048), AudioConfig(hop_length=300),
        AudioConfig(n_mels=80), AudioConfig(f_min=20), AudioConfig(f_max=8000), AudioConfig(log_base="10"),
        AudioConfig(floor=1e-6), AudioConfig(mel_scale="slaney"), AudioConfig(padding="constant"),
    ]  # fmt: skip
    digests = {contract.digest(), *(other.digest() for other in others)}
    assert len(digests) == len(others) + 1
    assert AudioConfig().digest() == contract.digest()


def test_a_mismatch_names_both_values():
    with pytest.raises(AudioContractError) as caught:
        AudioConfig().must_equal(AudioConfig(hop_length=300, n_mels=80), ours="voice a", theirs="dataset b")
    assert "voice a has 256, dataset b has 300" in str(caught.value)
    assert {problem.path for problem in caught.value.problems} == {"hop_length", "n_mels"}
    assert caught.value.exit_code == 4
