"""From the bytes of an upload to what a voice takes: a waveform, or a mel that keeps the voice's audio contract.

Nothing of an upload is trusted: sizes are checked before memory is taken, and nothing of it is ever executed.
"""

import ast
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import soundfile

from ganray.audio import resample
from ganray.config import AudioConfig, load
from ganray.errors import ConfigError
from ganray.serving.errors import ApiError

NPY_MAGIC = b"\x93NUMPY"
LARGEST_LOG = 20.0
"""No log magnitude of audio in [-1, 1] comes near it, in either base."""
MAX_CHANNELS = 32


def is_mel(upload: bytes) -> bool:
    """Whether an upload is an array and no audio file."""
    return upload.startswith(NPY_MAGIC)


def decode_audio(upload: bytes, sample_rate: int, max_seconds: float) -> np.ndarray:
    """An audio file as (T,) float32 at `sample_rate`, the mean of its channels.

    Raises:
        ApiError: 400: it is no audio, too long, empty, or holds numbers that are not finite.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(upload)) as file:
            rate, channels = file.samplerate, file.channels
            if channels > MAX_CHANNELS:
                raise _bad_audio(f"{channels} channels are more than {MAX_CHANNELS}")
            # No more than allowed is read, whatever the header says: that of a streamed flac says 2^63 - 1.
            allowed = int(max_seconds * rate)
            parts: list[np.ndarray] = []
            while sum(map(len, parts)) <= allowed and len(part := file.read(rate, "float32", always_2d=True)):
                parts.append(part.mean(axis=1))
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
        raise ApiError(
            400,
            "the upload is no audio that can be read",
            code="unreadable_audio",
            param="file",
            mend="send wav, flac, mp3, ogg, opus or aiff, or a mel as .npy",
        ) from error
    waveform = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if len(waveform) > allowed:
        raise _too_long(max_seconds)
    if len(waveform) and rate != sample_rate:
        waveform = resample(waveform, rate, sample_rate)
    if not np.isfinite(waveform).all():
        raise ApiError(
            400, "the audio holds NaN or infinity", code="not_finite", param="file", mend="write it with finite samples"
        )
    return waveform


def decode_mel(
    upload: bytes,
    contract: Mapping[str, Any] | None,
    audio: AudioConfig,
    *,
    voice: str,
    max_seconds: float,
    raw: bool = False,
) -> np.ndarray:
    """A `.npy` file, or with `raw` its float32 numbers alone, as (M, F) float32 log-mel that keeps the audio contract
    of `voice`.

    Raises:
        ApiError: 400: no contract came with it; it is no array of finite floats of that shape; it is too long.
        AudioContractError: Its contract is not the voice's; both values of every differing key are named.
    """
    if contract is None:
        raise ApiError(
            400,
            "a mel must come with its audio contract",
            code="missing_audio_contract",
            param="audio_contract",
            mend=f"send the JSON that you made it with as the form field `audio_contract` or the header "
            f"X-Audio-Contract; GET /v1/vocoders/{voice} prints what this voice takes under `audio`",
        )
    audio.must_equal(_complete(contract), ours=f"voice {voice}", theirs="the request")
    mel = _read_raw(upload, audio.n_mels) if raw else _read_npy(upload)
    if mel.ndim == 3 and mel.shape[0] == 1:
        mel = mel[0]
    if mel.ndim != 2 or mel.shape[0] != audio.n_mels or not mel.shape[1]:
        turned = mel.ndim == 2 and mel.shape[1] == audio.n_mels
        raise _bad_mel(
            f"the mel has the shape {mel.shape}, not ({audio.n_mels}, frames)", "transpose it" if turned else ""
        )
    if not np.isfinite(mel).all():
        raise ApiError(400, "the mel holds NaN or infinity", code="not_finite", param="file")
    if np.abs(mel).max() > LARGEST_LOG:
        raise _bad_mel(f"the mel holds {np.abs(mel).max():.3g}, which is no log magnitude", "send its logarithm")
    seconds = mel.shape[1] / audio.frame_rate_hz
    if seconds > max_seconds:
        raise _too_long(max_seconds)
    return np.ascontiguousarray(mel, dtype=np.float32)


def _complete(contract: Mapping[str, Any]) -> AudioConfig:
    missing = [key for key in AudioConfig.model_fields if key not in contract]
    if missing:
        raise ApiError(
            400,
            f"audio_contract lacks {', '.join(missing)}",
            code="incomplete_audio_contract",
            param="audio_contract",
            mend="name every key: a mel that differs in one of them sounds wrong",
        )
    try:
        return load(AudioConfig, contract)
    except ConfigError as error:
        told = "; ".join(f"{problem.path}: {problem.rule}" for problem in error.problems)
        raise ApiError(400, f"audio_contract: {told}", code="invalid_audio_contract", param="audio_contract") from error


def _read_npy(upload: bytes) -> np.ndarray:
    """Parse the format by hand: `np.load` takes as much memory as the header asks for."""
    stream = io.BytesIO(upload)
    try:
        version = np.lib.format.read_magic(stream)
        length_bytes = 2 if version == (1, 0) else 4
        header_length = int.from_bytes(stream.read(length_bytes), "little")
        if version not in ((1, 0), (2, 0), (3, 0)) or header_length > 4096:
            raise ValueError(f"version {version} with a header of {header_length} bytes")
        header = ast.literal_eval(stream.read(header_length).decode("utf-8"))
        descr, fortran, shape = header["descr"], bool(header["fortran_order"]), tuple(header["shape"])
        if not isinstance(descr, str) or any(not isinstance(size, int) or size < 0 for size in shape):
            raise ValueError("a header of another form")
        dtype = np.dtype(descr)
    except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError, UnicodeDecodeError) as error:
        raise _bad_mel("the .npy header cannot be read", "write it with numpy.save") from error
    if dtype.kind != "f" or dtype.itemsize > 8:
        raise _bad_mel(f"the array holds {dtype}", "save it as float32; objects and pickles are never read")
    content = upload[stream.tell() :]
    count = 1
    for size in shape:
        count *= size
    if len(content) != count * dtype.itemsize:
        raise _bad_mel(f"the header tells of {count} numbers, {len(content) // dtype.itemsize} came", "send it whole")
    with np.errstate(over="ignore"):
        return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C").astype(np.float32)


def _read_raw(upload: bytes, n_mels: int) -> np.ndarray:
    frame_bytes = 4 * n_mels
    if len(upload) % frame_bytes:
        told = f"{len(upload)} bytes are no whole frames of {n_mels} 32-bit floats"
        raise _bad_mel(told, f"send a multiple of {frame_bytes} bytes, or a .npy with file_format auto")
    return np.frombuffer(upload, "<f4").reshape(n_mels, -1).astype(np.float32)


def _bad_audio(message: str) -> ApiError:
    return ApiError(400, message, code="invalid_audio", param="file")


def _bad_mel(message: str, mend: str = "") -> ApiError:
    return ApiError(400, message, code="invalid_mel", param="file", mend=mend)


def _too_long(max_seconds: float) -> ApiError:
    return ApiError(
        400,
        f"the audio is longer than the {max_seconds:g} s that are allowed",
        code="audio_too_long",
        param="file",
        mend="send it in parts",
    )
