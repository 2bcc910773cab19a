"""WebDataset: tars in which an utterance's files stand together and share a name: `key.flac`, `key.txt`, `key.json`.

The sound is read from its place in the tar; nothing is unpacked. Tars that begin with validation and test are these
splits. A compressed tar has no such places: it is refused.
"""

import json
import tarfile
from collections.abc import Iterator

from ganray.data.place import Place, open_file
from ganray.data.readers.layout import Layout, corpus, lacks, rank, said, split_of
from ganray.data.recording import LISTED, SUFFIXES, Corpus, Recording
from ganray.data.source import Source
from ganray.errors import DataError

TITLE = "WebDataset"
WANTS = "*.tar with KEY.flac (or .wav, .mp3, …), KEY.txt, and if wanted KEY.json"
_PACKED = (".tar.gz", ".tgz", ".tar.zst", ".tar.bz2")


def found(place: Place) -> bool:
    """There is a tar."""
    return bool(_names(place))


def read(place: Place) -> Corpus:
    """Read `place`."""
    names = _names(place)
    if not names:
        packed = next((name for name in place.files if name.endswith(_PACKED)), None)
        told = f"has only compressed tars, as {packed}: unpack them to .tar" if packed else "has no .tar"
        raise lacks(place, told, WANTS)
    recordings: list[Recording] = []
    lists: dict[str, list[str]] = {"validation": [], "test": []}
    for name in names:
        its = list(_read(place, name))
        recordings += its
        split = split_of(name.split("/")[-1])
        if split in LISTED and len(names) > 1:
            lists[split] += [recording.id for recording in its]
    if not recordings:
        raise lacks(place, "has no recording in its tars", WANTS)
    return corpus(TITLE, recordings, lists=lists)


def _names(place: Place) -> list[str]:
    if place.only:
        return [place.only] if place.only.endswith(".tar") else []
    return [name for name in place.files if name.endswith(".tar")]


def _read(place: Place, name: str) -> Iterator[Recording]:
    uri = place.at(name)
    sources: dict[str, tuple[int, Source]] = {}
    texts: dict[str, dict[str, str]] = {}
    try:
        with open_file(uri) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                if not member.isfile():
                    continue
                # A name ends at the first dot of its last part.
                folder, _, last = member.name.removeprefix("./").rpartition("/")
                base, _, suffix = last.partition(".")
                key = f"{folder}/{base}" if folder else base
                liked = rank(f"x.{suffix}")
                if liked < len(SUFFIXES):
                    if key not in sources or liked < sources[key][0]:
                        sources[key] = (liked, Source(uri, member.offset_data, member.size))
                elif suffix in ("txt", "normalized.txt", "json", "lab", "transcript.txt"):
                    content = tar.extractfile(member)
                    assert content is not None
                    texts.setdefault(key, {})[suffix] = content.read().decode("utf-8-sig", "replace")
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"cannot read {uri}: {error}", mend="copy it again; a tar must not be compressed") from error
    for number, (key, (_, source)) in enumerate(sources.items(), 1):
        yield Recording(key, source=source, line=number, **_said(texts.get(key, {})))


def _said(texts: dict[str, str]) -> dict[str, str]:
    try:
        row = json.loads(texts.get("json", "{}"))
    except ValueError:
        row = {}
    labels = said(row if isinstance(row, dict) else {})
    plain = next((texts[s] for s in ("normalized.txt", "txt", "transcript.txt", "lab") if s in texts), "")
    return labels | ({"text": " ".join(plain.split())} if plain.strip() else {})


LAYOUT = Layout("webdataset", TITLE, WANTS, found, read)
