"""Sound through `POST /v1/audio/vocode`, over real sockets: what comes back, and when."""

import io
import time
import wave

import numpy as np
import pytest
import requests
import soundfile
from ray.serve.exceptions import BackPressureError

from ganray.audio import FORMATS, encode, to_pcm16
from ganray.errors import DataError, GanrayError

from .answers import decoded, error_of
from .conftest import AUDIO, Endpoint


def test_wav_in_and_out_is_what_the_voice_made_to_the_last_bit(endpoint: Endpoint, waveform, wav):
    response = endpoint.vocode(wav)
    assert response.status_code == 200
    assert response.headers["content-type"] == "audio/wav"
    whole = len(waveform) // AUDIO.hop_length * AUDIO.hop_length
    got, rate = soundfile.read(io.BytesIO(response.content), dtype="int16")
    assert rate == 24_000 == int(response.headers["x-sample-rate"])
    assert np.abs(got.astype(int) - to_pcm16(waveform[:whole]).astype(int)).max() <= 1
    assert float(response.headers["x-audio-seconds"]) == pytest.approx(whole / 24_000, abs=1e-3)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_decodes_to_the_same_audio_streamed_or_whole(endpoint, waveform, wav, kind, stream):
    response = endpoint.vocode(wav, response_format=kind, stream=stream)
    assert response.status_code == 200
    assert response.headers["content-type"] == FORMATS[kind]
    got = decoded(response.content, kind, 24_000)
    whole = waveform[: len(waveform) // AUDIO.hop_length * AUDIO.hop_length]
    if kind in ("wav", "flac", "pcm"):
        assert np.abs(got - whole).max() < 2 / 32767
    else:
        assert len(whole) - 100 <= len(got) <= len(whole) + 4 * 1152
        lag = np.argmax(np.correlate(got[4000 : 12_000 + 4 * 1152], whole[4000:12000], "valid"))  # the codec's delay
        part = got[lag + 4000 : lag + 12000]
        assert np.corrcoef(part, whole[4000:12000])[0, 1] > 0.98


def test_streamed_and_whole_wav_are_the_same_file_of_exact_length(endpoint, wav):
    streamed, whole = endpoint.vocode(wav, stream=True), endpoint.vocode(wav, stream=False)
    assert streamed.content == whole.content
    assert int(streamed.headers["content-length"]) == len(streamed.content)
    with wave.open(io.BytesIO(streamed.content)) as file:
        assert file.getnframes() * 2 + 44 == len(streamed.content)


def test_blocks_are_sent_as_they_are_made(endpoint, wav):
    endpoint.service.pause_s = 0.15
    with requests.post(f"{endpoint.url}/v1/audio/vocode", files={"file": wav}, stream=True, timeout=60) as response:
        next(response.iter_content(4096))
        assert len(endpoint.service.made) < 4
        rest = response.content
    assert len(endpoint.service.made) == 9
    assert len(rest) > 60_000


def test_raw_body_with_query_is_the_same_as_a_form(endpoint, wav):
    raw = requests.post(f"{endpoint.url}/v1/audio/vocode?response_format=flac&seed=3", data=wav, timeout=60)
    assert raw.content == endpoint.vocode(wav, response_format="flac", seed=3).content
    assert endpoint.service.seeds == [3, 3]


@pytest.mark.parametrize("kind", ["flac", "mp3", "opus"])
def test_uploads_of_any_format_rate_and_channels_are_read(endpoint, kind):
    rate = 48_000
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(rate) / rate).astype(np.float32)
    got = decoded(endpoint.vocode(encode(tone, rate, kind)).content, "wav", 24_000)
    assert len(got) == pytest.approx(24_000, abs=1800)
    spectrum = np.abs(np.fft.rfft(got[4000:20_000]))
    assert np.argmax(spectrum) * 24_000 / 16_000 == pytest.approx(220, abs=3)


def test_stereo_is_mixed_down(endpoint, waveform):
    stream = io.BytesIO()
    soundfile.write(stream, np.stack([waveform, np.zeros_like(waveform)], 1), 24_000, format="WAV", subtype="FLOAT")
    got = decoded(endpoint.vocode(stream.getvalue()).content, "wav", 24_000)
    assert np.abs(got - waveform[: len(got)] / 2).max() < 2 / 32767


def test_an_error_before_the_first_block_keeps_its_status(endpoint, wav):
    endpoint.service.error = DataError("the mel is bad", mend="make another")
    response = endpoint.vocode(wav)
    assert response.status_code == 400
    assert error_of(response)["message"] == "the mel is bad; make another"


@pytest.mark.parametrize("error", [GanrayError("the voice made NaN"), ZeroDivisionError("secret detail")])
def test_an_unexpected_error_is_a_500_that_tells_no_secrets(endpoint, wav, error):
    endpoint.service.error = error
    response = endpoint.vocode(wav)
    assert response.status_code == 500
    assert error_of(response)["type"] == "server_error"
    assert "secret" not in response.text


def test_an_error_after_the_first_block_cuts_the_connection(endpoint, wav):
    endpoint.service.error, endpoint.service.error_at = ZeroDivisionError(), 3
    with pytest.raises(requests.exceptions.RequestException):
        endpoint.vocode(wav, response_format="mp3")


def test_when_every_replica_is_busy_the_refusal_says_when_to_come_again(endpoint, wav):
    endpoint.service.error = BackPressureError(32, 32, 429, 1.2)
    response = endpoint.vocode(wav)
    assert response.status_code == 429
    assert response.headers["retry-after"] == "2"
    assert error_of(response)["code"] == "server_is_overloaded"


def test_nothing_more_is_made_when_the_client_goes_away(endpoint, wav):
    endpoint.service.pause_s = 0.1
    with requests.post(f"{endpoint.url}/v1/audio/vocode", files={"file": wav}, stream=True, timeout=60) as response:
        next(response.iter_content(1024))
    time.sleep(0.5)
    made = len(endpoint.service.made)
    time.sleep(0.5)
    assert len(endpoint.service.made) == made < 9


@pytest.mark.parametrize("asked", ["a whole file", "timings", "the first block"])
def test_nothing_more_is_made_for_who_goes_away_before_anything_was_sent(endpoint, wav, asked):
    endpoint.service.pause_s = 0.6 if asked == "the first block" else 0.2
    timed = {"json": {"model": "reader", "voice": "reader", "input": "word " * 20, "timestamps": ["word"]}}
    clip = {"files": {"file": wav}, "data": {"stream": str(asked != "a whole file")}}
    path, what = ("speech", timed) if asked == "timings" else ("vocode", clip)
    with pytest.raises(requests.Timeout):
        requests.post(f"{endpoint.url}/v1/audio/{path}", **what, timeout=(60, 0.5))
    time.sleep(0.5)
    made = len(endpoint.service.made)
    time.sleep(1)
    assert len(endpoint.service.made) == made < 9
