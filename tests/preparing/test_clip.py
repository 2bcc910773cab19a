import io

import numpy as np
import pytest
import soundfile

from ganray.audio import loudness
from ganray.config.prepare import DenoiseConfig, LimitsConfig, PrepareConfig, TrimConfig
from ganray.preparing.clip import Unusable, denoise, prepare_clip, trim
from ganray.voice import Delivery, open_reader

CONFIG = PrepareConfig()


def as_file(waveform, rate=24_000, format="WAV", subtype="FLOAT"):
    file = io.BytesIO()
    soundfile.write(file, waveform, rate, format=format, subtype=subtype)
    return file.getvalue()


def stored(clip):
    waveform, rate = soundfile.read(io.BytesIO(clip.flac), dtype="float32")
    return waveform, rate


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_and_channel_count_keeps_to_the_audio_contract(speech, rate, channels):
    recording = np.repeat(speech(1.5, 0, rate)[:, None], channels, axis=1)
    clip = prepare_clip(as_file(recording, rate), CONFIG)
    waveform, stored_rate = stored(clip)
    assert stored_rate == 24_000
    assert len(waveform) == clip.num_samples
    assert clip.num_samples % 256 == 0
    assert len(clip.f0) == len(clip.energy) == clip.num_samples // 256
    assert 1.2 < clip.num_samples / 24_000 <= 1.5


@pytest.mark.parametrize(("format", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")])
def test_compressed_recordings_are_read(speech, format, subtype):
    assert prepare_clip(as_file(speech(1.5, 0), 24_000, format, subtype), CONFIG).num_samples > 24_000


def test_every_clip_gets_the_same_loudness(speech):
    for gain in (0.05, 0.3, 1.0):
        waveform, _ = stored(prepare_clip(as_file(gain * speech(2, 3)), CONFIG))
        assert loudness(waveform, 24_000) == pytest.approx(-23, abs=0.2)


def test_an_offset_is_taken_off(speech):
    waveform, _ = stored(prepare_clip(as_file(speech(2, 3) + 0.1), CONFIG))
    assert abs(waveform.mean()) < 2e-3


def test_silence_is_trimmed_to_the_margins(speech):
    random = np.random.default_rng(0)
    tone = 0.2 * np.sin(2 * np.pi * 200 * np.arange(24_000) / 24_000)
    recording = np.concatenate([np.zeros(12_000), tone, np.zeros(36_000)]) + 1e-3 * random.standard_normal(72_000)
    trimmed = trim(recording, 24_000, TrimConfig(lead_s=0.1, tail_s=0.2), LimitsConfig())
    start = 12_000 - 2_400
    assert len(trimmed) == pytest.approx(2_400 + 24_000 + 4_800, abs=2 * 480)
    found = np.flatnonzero(np.isclose(recording, trimmed[0]))[0]
    assert found == pytest.approx(start, abs=480)


@pytest.mark.parametrize("noise_db", [-60, -40, -28])
def test_a_noisy_room_is_trimmed_too(noise_db):
    random = np.random.default_rng(0)
    tone = 0.2 * np.sin(2 * np.pi * 200 * np.arange(24_000) / 24_000)
    noise = 0.2 / np.sqrt(2) * 10 ** (noise_db / 20) * random.standard_normal(48_000)
    recording = np.concatenate([np.zeros(12_000), tone, np.zeros(12_000)]) + noise
    trimmed = trim(recording, 24_000, TrimConfig(), LimitsConfig())
    assert 24_000 <= len(trimmed) < 24_000 + 0.3 * 24_000


def test_quiet_speech_at_the_ends_is_kept():
    times = np.arange(24_000) / 24_000
    # 25 dB under the vowel, as a weak fricative is.
    envelope = np.where((times > 0.3) & (times < 0.7), 1.0, 10 ** (-25 / 20))
    recording = np.concatenate([np.zeros(9_600), 0.2 * envelope * np.sin(2 * np.pi * 300 * times), np.zeros(9_600)])
    assert len(trim(recording, 24_000, TrimConfig(), LimitsConfig())) >= 24_000


def broken_off(waveform):
    content = as_file(waveform, format="FLAC", subtype="PCM_16")
    return content[: len(content) // 2]


def spoilt(waveform, value):
    waveform = waveform.copy()
    waveform[1000] = value
    return as_file(waveform)


@pytest.mark.parametrize(
    ("recording", "reason"),
    [
        (lambda s: b"", "unreadable"),
        (lambda s: b"This is no audio at all." * 100, "unreadable"),
        (broken_off, "unreadable"),
        (lambda s: as_file(np.zeros(0, np.float32)), "unreadable"),
        (lambda s: spoilt(s, np.nan), "not finite"),
        (lambda s: spoilt(s, np.inf), "not finite"),
        (lambda s: as_file(np.clip(20 * s, -1, 1)), "clipped"),
        (lambda s: as_file(0 * s), "silent"),
        (lambda s: as_file(1e-5 * s), "silent"),
        (lambda s: as_file(0 * s + 0.5), "silent"),
        (lambda s: as_file(s[:8_000]), "too short"),
        (lambda s: as_file(s[:3]), "too short"),
        (lambda s: as_file(np.tile(s, 15)), "too long"),
    ],
)  # fmt: skip
def test_what_can_not_be_used_says_why(speech, recording, reason):
    with pytest.raises(Unusable, match=f"^{reason} \\("):
        prepare_clip(recording(speech(2, 1)), CONFIG)


def test_a_single_sample_at_full_scale_is_not_clipping(speech):
    assert prepare_clip(spoilt(speech(2, 1), 1.0), CONFIG).num_samples


def test_the_room_is_turned_down_and_the_voice_hardly():
    random = np.random.default_rng(0)
    voice = open_reader("english").say("Ships that pass in the night.", Delivery()).waveform
    pause = np.zeros(12_000, np.float32)
    said = np.concatenate([pause, voice, pause])
    noisy = said + (0.03 * voice.std() * random.standard_normal(len(said))).astype(np.float32)
    gated = denoise(noisy, 24_000, DenoiseConfig(by="gate"))
    assert len(gated) == len(noisy)
    fell = [
        20 * np.log10(noisy[part].std() / gated[part].std()) for part in (slice(2_000, 10_000), slice(12_000, -12_000))
    ]
    assert fell[0] > 10
    assert fell[0] - fell[1] > 6  # loudness is brought back afterwards


def test_without_the_stage_the_room_stays(speech):
    recording = speech(1.5, 0)
    assert denoise(recording, 24_000, DenoiseConfig()) is recording
    gate = PrepareConfig(denoise=DenoiseConfig(by="gate"))
    assert prepare_clip(as_file(recording), gate).flac != prepare_clip(as_file(recording), CONFIG).flac
