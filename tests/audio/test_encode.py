"""Every format opens in an independent decoder and sounds like what went in, whole or in blocks."""

import io

import av
import numpy as np
import pytest
import soundfile

from ganray.audio import FORMATS, Encoder, encode
from ganray.errors import UsageError

CONTAINERS = [name for name in FORMATS if name != "pcm"]


def speechlike(rate, seconds=1.2):
    time = np.arange(int(rate * seconds)) / rate
    return (0.3 * np.sin(2 * np.pi * 220 * time) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time))).astype(np.float32)


def decode(content):
    container = av.open(io.BytesIO(content))
    frames = [frame.to_ndarray().astype(np.float32) for frame in container.decode(audio=0)]
    rate = container.streams.audio[0].rate
    joined = np.concatenate(frames, axis=1)[0]
    return joined / (32768 if np.abs(joined).max() > 2 else 1), rate


def alike(got, got_rate, sent, sent_rate):
    """The correlation of the two at the best delay up to 0.1 s."""
    from ganray.audio import resample

    got = resample(got, got_rate, 16_000) if got_rate != 16_000 else got
    sent = resample(sent, sent_rate, 16_000) if sent_rate != 16_000 else sent
    best = 0.0
    for delay in range(0, 1600, 4):
        part = got[delay : delay + len(sent) - 1600]
        if len(part) == len(sent) - 1600:
            best = max(best, float(np.corrcoef(part, sent[: len(part)])[0, 1]))
    return best


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 48_000])
@pytest.mark.parametrize("format", CONTAINERS)
@pytest.mark.parametrize("whole", [True, False])
def test_a_decoder_hears_what_was_encoded(format, rate, whole):
    sent = speechlike(rate)
    if whole:
        content = encode(sent, rate, format)
    else:
        encoder = Encoder(format, rate)
        blocks = [encoder.write(sent[i : i + 1_111]) for i in range(0, len(sent), 1_111)]
        content = b"".join([*blocks, encoder.close()])
    got, got_rate = decode(content)
    assert len(got) / got_rate == pytest.approx(len(sent) / rate, abs=0.12)
    assert alike(got, got_rate, sent, rate) > 0.99


@pytest.mark.parametrize("format", ["wav", "flac"])
def test_lossless_formats_keep_every_sample(format):
    sent = speechlike(24_000)
    got, rate = soundfile.read(io.BytesIO(encode(sent, 24_000, format)), dtype="int16")
    assert rate == 24_000
    np.testing.assert_array_equal(got, np.rint(sent * 32767).astype(np.int16))


def test_pcm_is_16_bit_little_endian():
    sent = np.array([0.0, 0.5, -1.0, 2.0], np.float32)
    assert np.frombuffer(encode(sent, 24_000, "pcm"), "<i2").tolist() == [0, 16384, -32767, 32767]


def test_a_whole_wav_has_an_exact_header():
    content = encode(speechlike(24_000), 24_000, "wav")
    assert int.from_bytes(content[4:8], "little") == len(content) - 8
    assert int.from_bytes(content[40:44], "little") == len(content) - 44


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "opus"])
def test_streams_begin_before_they_end(format):
    encoder = Encoder(format, 24_000)
    assert sum(len(encoder.write(speechlike(24_000, 0.5))) for _ in range(3)) > 0


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_stream_can_be_closed(format):
    encoder = Encoder(format, 24_000)
    encoder.write(np.zeros(0, np.float32))
    encoder.close()


def test_an_unknown_format_is_told():
    with pytest.raises(UsageError, match="no audio format 'midi'"):
        Encoder("midi", 24_000)
