"""From a corpus in a bucket to a dataset in a bucket, which any machine opens by its URI."""

import json

import pytest

from ganray.config.prepare import PrepareConfig
from ganray.data import Dataset
from ganray.data.storage import Storage
from ganray.errors import DataError
from ganray.preparing import prepare

PLAIN = PrepareConfig(audit=False)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANRAY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def corpus(s3, make_corpus):
    """Twelve clips in a bucket, and the same in a folder."""
    folder = make_corpus({f"c{n}": f"Sentence {n}." for n in range(12)})
    storage = Storage(s3.at(f"{folder.parent.name}/corpus"))
    for path in folder.rglob("*.*"):
        storage.put(path, str(path.relative_to(folder)))
    return folder, storage.uri


def test_a_bucket_gives_and_takes_the_same_bytes_as_a_folder(s3, corpus, tmp_path):
    folder, uri = corpus
    out = s3.at(f"{tmp_path.name}/datasets/speech")
    made = prepare(uri, out, PLAIN, here=True, quiet=True)
    assert made["dataset"] == out
    prepare(folder, tmp_path / "speech", PLAIN, here=True, quiet=True)
    here = {path.name: path.read_bytes() for path in (tmp_path / "speech").iterdir() if path.suffix == ".parquet"}
    storage = Storage(out)
    assert {name: storage.read(name) for name in storage.files() if name.endswith(".parquet")} == here
    opened, local = Dataset.open(out), Dataset.open(tmp_path / "speech")
    assert opened.digest == local.digest
    assert opened.where == out
    assert not list((tmp_path / "cache" / "datasets").glob("*"))  # opening copies nothing
    assert [clip.id for clip in opened.split("train").clips()] == local.split("train").ids


def test_what_is_there_is_neither_overwritten_unasked_nor_sent_twice(s3, corpus, tmp_path):
    _, uri = corpus
    out = s3.at(f"{tmp_path.name}/datasets/twice")
    first = prepare(uri, out, PLAIN, here=True, quiet=True)
    with pytest.raises(DataError, match="there is a dataset"):
        prepare(uri, out, PLAIN, here=True, quiet=True)
    again = prepare(uri, out, PLAIN, here=True, quiet=True, overwrite=True)
    assert again["computed"] == {}
    shards = sum(size for name, size in Storage(out).files().items() if name.split("-")[0] in first["splits"])
    assert again["sent_bytes"] == first["sent_bytes"] - shards
    Storage(s3.at(f"{tmp_path.name}/other")).put_bytes(b"a letter", "letter.txt")
    with pytest.raises(DataError, match="is no dataset"):
        prepare(uri, s3.at(f"{tmp_path.name}/other"), PLAIN, here=True, quiet=True, overwrite=True)


def test_a_shard_that_is_not_what_the_card_says_is_refused(s3, corpus, cache, tmp_path):
    out = s3.at(f"{tmp_path.name}/datasets/spoilt")
    prepare(corpus[1], out, PLAIN, here=True, quiet=True)
    storage = Storage(out)
    shard = json.loads(storage.read("dataset.json"))["splits"]["train"]["shards"][0]
    storage.put_bytes(storage.read(shard)[:-10], shard)
    with pytest.raises(DataError, match=r"not what dataset\.json says"):
        Dataset.open(out)
    assert not list(cache.glob("datasets/*/dataset.json"))


def test_where_there_is_none_it_says_so(s3, tmp_path):
    with pytest.raises(DataError, match="no dataset at"):
        Dataset.open(s3.at(f"{tmp_path.name}/nowhere"))
