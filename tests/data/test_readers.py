"""Every layout, made here as people keep it, is found by looking and gives the same recordings."""

import io
import json
import tarfile

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from ganray.audio import read
from ganray.data.corpus import read_corpus
from ganray.data.readers import LAYOUTS
from ganray.errors import DataError, UsageError

TEXTS = {f"p{1 + n // 3}_{n:03d}": f"Sentence number {n} is here." for n in range(9)}
"""Three speakers, three utterances each; the third of each is held out where the layout can say so."""


def tone(key, rate=24_000, channels=1):
    """A sound that tells which utterance it is: one second at its own pitch."""
    hz = 200 + 100 * list(TEXTS).index(key)
    wave = 0.3 * np.sin(2 * np.pi * hz * np.arange(rate) / rate)
    return np.repeat(wave[:, None], channels, 1).astype(np.float32)


def content(key, format="WAV", subtype="PCM_16", rate=24_000, channels=1):
    file = io.BytesIO()
    soundfile.write(file, tone(key, rate, channels), rate, format=format, subtype=subtype)
    return file.getvalue()


def put(path, what):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(what if isinstance(what, bytes) else what.encode())


def ljspeech(folder):
    put(folder / "metadata.csv", "".join(f"{key}|{text}\n" for key, text in TEXTS.items()))
    put(folder / "labels.csv", "id,speaker\n" + "".join(f"{key},{key[:2]}\n" for key in TEXTS))
    for key in TEXTS:
        put(folder / "wavs" / f"{key}.wav", content(key))


def piper(folder):
    put(folder / "metadata.csv", "".join(f"{key}|{key[:2]}|{text}\n" for key, text in TEXTS.items()))
    for key in TEXTS:
        put(folder / "wav" / f"{key}.wav", content(key))


def vctk(folder):
    for key, text in TEXTS.items():
        put(folder / "txt" / key[:2] / f"{key}.txt", text + "\n")
        for microphone in (2, 1):
            name = f"{key}_mic{microphone}.flac"
            put(folder / "wav48_silence_trimmed" / key[:2] / name, content(key, "FLAC", rate=48_000))


def libritts(folder):
    for key, text in TEXTS.items():
        base = folder / ("dev-clean" if held_out(key) else "train-clean-100") / key[:2] / "17" / key
        put(base.with_suffix(".wav"), content(key))
        put(base.with_suffix(".normalized.txt"), text)
        put(base.with_suffix(".original.txt"), text.upper())


def librispeech(folder):
    for key in TEXTS:
        name = "dev-clean" if held_out(key) else "train-clean-100"
        put(folder / name / key[:2] / "17" / f"{key}.flac", content(key, "FLAC", rate=16_000))
    for name in ("dev-clean", "train-clean-100"):
        for speaker in ("p1", "p2", "p3"):
            its = [k for k in TEXTS if k.startswith(speaker) and held_out(k) == name.startswith("dev")]
            lines = "".join(f"{key} {TEXTS[key].upper()}\n" for key in its)
            put(folder / name / speaker / "17" / f"{speaker}-17.trans.txt", lines)


def kaldi(folder):
    """One long recording a speaker, cut by segments."""
    speakers = sorted({key[:2] for key in TEXTS})
    for speaker in speakers:
        whole = np.concatenate([tone(key) for key in TEXTS if key[:2] == speaker])
        (folder / "audio").mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / "audio" / f"{speaker}.flac", whole, 24_000)
    lines = "".join(f"{speaker} flac -d -c -s audio/{speaker}.flac |\n" for speaker in speakers)
    put(folder / "wav.scp", lines + "evil rm -rf / |\n")
    put(folder / "text", "".join(f"{key} {text}\n" for key, text in TEXTS.items()))
    put(folder / "utt2spk", "".join(f"{key} {key[:2]}\n" for key in TEXTS))
    begin = {key: n % 3 for n, key in enumerate(TEXTS)}
    lines = "".join(f"{key} {key[:2]} {begin[key]:.2f} {begin[key] + 1:.2f}\n" for key in TEXTS)
    put(folder / "segments", lines + "stolen evil 0 1\n")


def nemo(folder):
    for name, wanted in (("train_manifest.json", False), ("val_manifest.json", True)):
        rows = [
            {"audio_filepath": f"clips/{key}.wav", "text": text, "duration": 1.0, "speaker": key[:2]}
            for key, text in TEXTS.items()
            if held_out(key) == wanted
        ]
        put(folder / name, "".join(json.dumps(row) + "\n" for row in rows))
    for key in TEXTS:
        put(folder / "clips" / f"{key}.wav", content(key))


def plain(folder):
    for key, text in TEXTS.items():
        put(folder / key[:2] / f"{key}.ogg", content(key, "OGG", "OPUS"))
        put(folder / key[:2] / f"{key}.txt", text)


def parquet(folder):
    for name, wanted in (("train", False), ("validation", True)):
        keys = [key for key in TEXTS if held_out(key) == wanted]
        table = pa.table(
            {
                "audio": [{"bytes": content(key), "path": f"{key}.wav"} for key in keys],
                "text": [TEXTS[key] for key in keys],
                "speaker_id": [key[:2] for key in keys],
            }
        )
        (folder / "data").mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / "data" / f"{name}-00000-of-00001.parquet", row_group_size=2)


def webdataset(folder):
    for name, wanted in (("train-000000.tar", False), ("validation-000000.tar", True)):
        folder.mkdir(exist_ok=True)
        with tarfile.open(folder / name, "w") as tar:
            for key, text in TEXTS.items():
                if held_out(key) != wanted:
                    continue
                members = (("flac", content(key, "FLAC")), ("txt", text.encode()),
                           ("json", json.dumps({"speaker": key[:2]}).encode()))  # fmt: skip
                for suffix, data in members:
                    info = tarfile.TarInfo(f"{key}.{suffix}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))


def huggingface(folder):
    """As the real library saves it."""
    datasets = pytest.importorskip("datasets")
    splits = {}
    for name, wanted in (("train", False), ("validation", True)):
        keys = [key for key in TEXTS if held_out(key) == wanted]
        rows = {
            "audio": [{"bytes": content(key), "path": f"{key}.wav"} for key in keys],
            "text": [TEXTS[key] for key in keys],
            "speaker": [key[:2] for key in keys],
        }
        # What datasets.Audio() is in the file; that itself wants torchcodec to be saved.
        audio = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
        kinds = {"audio": audio, "text": datasets.Value("string"), "speaker": datasets.Value("string")}
        splits[name] = datasets.Dataset.from_dict(rows, features=datasets.Features(kinds))
    datasets.DatasetDict(splits).save_to_disk(str(folder))


def held_out(key):
    return int(key[-3:]) % 3 == 2


MADE = {
    "ljspeech": (ljspeech, False),
    "piper": (piper, False),
    "vctk": (vctk, False),
    "libritts": (libritts, True),
    "librispeech": (librispeech, True),
    "kaldi": (kaldi, False),
    "nemo": (nemo, True),
    "folder": (plain, False),
    "parquet": (parquet, True),
    "webdataset": (webdataset, True),
    "huggingface": (huggingface, True),
}
"""Layout → (what makes a corpus of it, whether that lists its splits)."""


@pytest.fixture
def made(tmp_path):
    """made(layout) -> a corpus of it."""

    def make(name):
        MADE[name][0](tmp_path / name)
        return tmp_path / name

    return make


def check(corpus, name):
    assert {r.id.split("/")[-1] for r in corpus.recordings} == set(TEXTS)
    for recording in corpus.recordings:
        key = recording.id.split("/")[-1]
        assert recording.text.lower() == TEXTS[key].lower()
        assert recording.speaker == key[:2]
        assert recording.corpus == name
        waveform, rate = read(recording.source.read())
        start = round(recording.source.start_s * rate)
        end = round(recording.source.end_s * rate) if recording.source.end_s else len(waveform)
        cut = waveform[start:end]
        assert len(cut) == pytest.approx(rate, abs=0.08 * rate)
        loudest = np.abs(np.fft.rfft(cut * np.hanning(len(cut)))).argmax() * rate / len(cut)
        assert loudest == pytest.approx(200 + 100 * list(TEXTS).index(key), abs=3)


@pytest.mark.parametrize("name", MADE)
def test_every_layout_is_found_by_looking_and_read_whole(made, name):
    corpus = read_corpus(made(name))
    layout = LAYOUTS["libritts" if name == "librispeech" else name]
    assert corpus.layout == layout.title
    check(corpus, name)
    if MADE[name][1]:
        assert {key.split("/")[-1] for key in corpus.lists["validation"]} == {key for key in TEXTS if held_out(key)}
    else:
        assert not corpus.lists
    assert read_corpus(made(name) if name == "webdataset" else corpus.place, layout.name).layout == layout.title


@pytest.mark.parametrize("name", ["ljspeech", "webdataset", "parquet"])
def test_the_same_from_a_bucket(s3, made, name):
    folder = made(name)
    from pyarrow import fs

    filesystem, root = fs.FileSystem.from_uri(s3.at(f"corpora/{name}"))
    for path in folder.rglob("*"):
        if path.is_file():
            with filesystem.open_output_stream(f"{root}/{path.relative_to(folder).as_posix()}") as out:
                out.write(path.read_bytes())
    corpus = read_corpus(s3.at(f"corpora/{name}"))
    check(corpus, name)
    assert all(recording.path is None for recording in corpus.recordings)


def test_what_a_list_would_run_is_not_run_and_told(made):
    assert read_corpus(made("kaldi")).dropped == (("stolen", "command in wav.scp (it is never run: rm -rf / |)"),)


def test_a_manifest_cuts_utterances_out_of_long_recordings(tmp_path):
    put(tmp_path / "long.wav", b"")
    soundfile.write(tmp_path / "long.wav", np.concatenate([tone(key) for key in list(TEXTS)[:3]]), 24_000)
    rows = [{"audio_filepath": "long.wav", "offset": float(n), "duration": 1.0, "text": t}
            for n, t in enumerate(list(TEXTS.values())[:3])]  # fmt: skip
    put(tmp_path / "all.jsonl", "\n".join(map(json.dumps, rows)) + "\nno json\n")
    corpus = read_corpus(tmp_path / "all.jsonl")
    assert [(r.source.start_s, r.source.end_s) for r in corpus.recordings] == [(0, 1), (1, 2), (2, 3)]
    assert len({r.id for r in corpus.recordings}) == 3
    assert [reason.split(" (")[0] for _, reason in corpus.dropped] == ["malformed line"]


def test_recordings_without_texts_are_a_corpus_too(tmp_path):
    for key in TEXTS:
        put(tmp_path / "deep" / "in" / f"{key}.flac", content(key, "FLAC", "PCM_24"))
    corpus = read_corpus(tmp_path)
    assert (corpus.layout, corpus.has_texts, len(corpus.recordings)) == ("plain folder", False, 9)


def test_arrays_of_samples_are_read_as_sound(tmp_path):
    key = next(iter(TEXTS))
    table = pa.table({"audio": [{"array": tone(key)[:, 0].tolist(), "sampling_rate": 24_000}], "text": ["One."]})
    pq.write_table(table, tmp_path / "a.parquet")
    waveform, rate = read(read_corpus(tmp_path).recordings[0].source.read())
    np.testing.assert_allclose(waveform, tone(key)[:, 0], atol=1e-6)
    assert rate == 24_000


def test_a_name_or_a_place_that_is_none_says_what_there_is(tmp_path):
    put(tmp_path / "notes.md", "nothing to hear")
    with pytest.raises(UsageError, match="did you mean kaldi"):
        read_corpus(tmp_path, "kaldy")
    with pytest.raises(DataError, match=r"no layout that is known[\s\S]*webdataset[\s\S]*ljspeech"):
        read_corpus(tmp_path)
    with pytest.raises(DataError, match="is not there"):
        read_corpus(tmp_path / "nowhere")


@pytest.mark.parametrize(("format", "subtype"), [
    ("WAV", "PCM_U8"), ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "PCM_32"), ("WAV", "FLOAT"), ("WAV", "DOUBLE"),
    ("WAV", "ULAW"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"),
    ("OGG", "OPUS"), ("AIFF", "PCM_24"),
])  # fmt: skip
@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (16_000, 2), (48_000, 2)])
def test_every_format_depth_rate_and_channel_count_is_read(format, subtype, rate, channels):
    key = list(TEXTS)[3]
    waveform, found = read(content(key, format, subtype, rate, channels))
    assert found == rate
    assert np.abs(waveform[rate // 4 : rate // 2]).max() == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize(("container", "codec"), [("mp4", "aac"), ("adts", "aac"), ("webm", "libopus")])
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_what_phones_record_is_read(tmp_path, container, codec, layout):
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=48_000, layout=layout)
        planes = np.repeat(tone("p1_000", 48_000).T, 1 if layout == "mono" else 2, 0)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planes), format="fltp", layout=layout)
        frame.sample_rate = 48_000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    (tmp_path / "memo.m4a").write_bytes(file.getvalue())
    waveform, rate = read(tmp_path / "memo.m4a")
    assert (rate, len(waveform)) == (48_000, pytest.approx(48_000, abs=3_000))
    assert np.abs(waveform[12_000:24_000]).max() == pytest.approx(0.3, abs=0.03)


def test_a_playlist_opens_nothing(tmp_path):
    (tmp_path / "secret.wav").write_bytes(content("p1_000"))
    with pytest.raises(DataError):
        read(f"#EXTM3U\n#EXTINF:1,\n{tmp_path}/secret.wav\n".encode())
