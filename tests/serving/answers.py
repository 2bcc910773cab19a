"""What tests read out of an answer, by nothing of ganray's."""

import io

import av
import numpy as np
import requests
import soundfile


def error_of(response: requests.Response) -> dict:
    """The one error of an envelope that has exactly the keys that OpenAI's has."""
    document = response.json()
    assert set(document) == {"error"}
    assert set(document["error"]) == {"message", "type", "param", "code"}
    assert document["error"]["message"]
    return document["error"]


def decoded(content: bytes, kind: str, sample_rate: int) -> np.ndarray:
    """(T,) float32, by decoders that know nothing of ganray."""
    if kind == "pcm":
        return np.frombuffer(content, "<i2").astype(np.float32) / 32767
    if kind in ("wav", "flac"):
        waveform, rate = soundfile.read(io.BytesIO(content), dtype="float32")
        assert rate == sample_rate
        return waveform
    with av.open(io.BytesIO(content)) as container:
        resampler = av.AudioResampler("flt", "mono", sample_rate)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
