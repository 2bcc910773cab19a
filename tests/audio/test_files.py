import io

import numpy as np
import pytest
import soundfile

from ganray.audio import loudness, normalise, read, resample, write, write_blocks
from ganray.errors import DataError, UsageError


def tone(rate, seconds=1.0, hz=440, level=0.3):
    return (level * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_channel_count_becomes_mono_at_the_rate_asked_for(tmp_path, rate, channels):
    path = tmp_path / "in.wav"
    soundfile.write(path, np.repeat(tone(rate)[:, None], channels, 1), rate)
    waveform, got = read(path, 24_000)
    assert got == 24_000
    assert abs(len(waveform) - 24_000) <= 1
    middle = waveform[4_000:20_000]
    np.testing.assert_allclose(middle, tone(24_000)[4_000:20_000], atol=2e-3)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "PCM_U8"])
def test_any_bit_depth_is_read(tmp_path, subtype):
    soundfile.write(tmp_path / "in.wav", tone(24_000), 24_000, subtype=subtype)
    waveform, _ = read(tmp_path / "in.wav")
    np.testing.assert_allclose(waveform, tone(24_000), atol=1e-2)


def test_bytes_and_open_files_are_read_too(tmp_path):
    soundfile.write(tmp_path / "in.flac", tone(24_000), 24_000)
    content = (tmp_path / "in.flac").read_bytes()
    np.testing.assert_array_equal(read(content)[0], read(io.BytesIO(content))[0])


@pytest.mark.parametrize("content", [b"", b"not audio at all", b"RIFF\x00\x00\x00\x00WAVEfmt "])
def test_what_is_no_audio_is_told(tmp_path, content):
    (tmp_path / "in.wav").write_bytes(content)
    with pytest.raises(DataError, match="cannot read"):
        read(tmp_path / "in.wav")


def test_a_missing_file_and_an_empty_one_are_told(tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        read(tmp_path / "nowhere.wav")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), 24_000)
    with pytest.raises(DataError, match="no samples"):
        read(tmp_path / "empty.wav")


def test_resampling_keeps_what_fits_and_removes_what_does_not():
    low, high = tone(48_000, hz=1_000), tone(48_000, hz=11_000)
    down = resample(low + high, 48_000, 16_000)
    np.testing.assert_allclose(down[2_000:14_000], tone(16_000, hz=1_000)[2_000:14_000], atol=3e-3)


@pytest.mark.parametrize("target", [-30.0, -23.0, -18.0])
def test_normalised_speech_has_the_loudness_asked_for(target):
    wave = tone(24_000, 2.0, level=0.01)
    assert loudness(normalise(wave, 24_000, target), 24_000) == pytest.approx(target, abs=0.05)


def test_normalising_never_clips_and_leaves_silence_alone():
    peaky = np.zeros(48_000, np.float32)
    peaky[::4_800] = 0.5
    assert np.abs(normalise(peaky, 24_000, -10.0)).max() <= 0.99 + 1e-6
    silence = np.zeros(48_000, np.float32)
    np.testing.assert_array_equal(normalise(silence, 24_000, -23.0), silence)
    short = tone(24_000, 0.2)
    np.testing.assert_array_equal(normalise(short, 24_000, -23.0), short)


def test_a_failed_write_leaves_what_was_there(tmp_path):
    write(tmp_path / "out.wav", tone(24_000), 24_000)
    before = (tmp_path / "out.wav").read_bytes()
    with pytest.raises(TypeError):
        write(tmp_path / "out.wav", np.array(["not", "numbers"]), 24_000)
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]
    assert (tmp_path / "out.wav").read_bytes() == before


def test_an_unknown_suffix_is_told(tmp_path):
    with pytest.raises(UsageError, match="no audio format 'xyz'"):
        write(tmp_path / "out.xyz", tone(24_000), 24_000)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "opus", "pcm"])
def test_blocks_make_the_file_that_the_whole_makes(tmp_path, suffix):
    waveform = np.sin(np.arange(50_000) / 9).astype(np.float32) / 2
    whole = write(tmp_path / f"whole.{suffix}", waveform, 24_000)
    blocks = write_blocks(tmp_path / f"blocks.{suffix}", np.array_split(waveform, 7), 24_000)
    if suffix == "opus":  # its stream has a random number
        assert abs(whole.stat().st_size - blocks.stat().st_size) < 50
    else:
        assert whole.read_bytes() == blocks.read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_blocks_that_break_off_leave_no_file(tmp_path):
    def blocks():
        yield np.zeros(100, np.float32)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_blocks(tmp_path / "a.wav", blocks(), 24_000)
    assert list(tmp_path.iterdir()) == []
