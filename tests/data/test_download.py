"""Corpora are fetched from a server on this machine that breaks off, changes its files, and gives parts of them."""

import contextlib
import hashlib
import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import soundfile
from click.testing import CliRunner

from ganray.cli.corpus import group
from ganray.data import download, read_corpus
from ganray.data.public import PUBLIC, Archive, PublicCorpus
from ganray.errors import DataError, UsageError
from tests.conftest import like_speech


class Server(ThreadingHTTPServer):
    """Files by name; `breaks` times an answer ends in its middle. `asked` has each request's Range."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.contents, self.asked, self.breaks, self.parts = {}, [], 0, True
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, content = self.server, self.server.contents.get(self.path.strip("/"))
        wanted = self.headers.get("Range")
        server.asked.append(wanted)
        if content is None:
            self.send_error(404)
            return
        etag, start = f'"{hashlib.sha256(content).hexdigest()[:8]}"', 0
        if wanted and server.parts and self.headers.get("If-Range") == etag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", etag)
        self.end_headers()
        end = len(content)
        if server.breaks:
            server.breaks -= 1
            end = start + (end - start) // 2
        self.wfile.write(content[start:end])
        self.close_connection = True

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = Server()
    yield server
    server.shutdown()
    server.server_close()


def recordings(count):
    """{name in the archive: bytes} of a corpus in LJSpeech layout."""
    files = {"metadata.csv": "".join(f"c{n}|Sentence {n}.\n" for n in range(count)).encode()}
    for number in range(count):
        sound = io.BytesIO()
        soundfile.write(sound, like_speech(1, number), 24_000, format="WAV")
        files[f"wavs/c{number}.wav"] = sound.getvalue()
    return files


def tar(files, folder="Corpus-1.0"):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:bz2") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def zipped(files, folder="Corpus-1.0"):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{folder}/{name}", content)
    return packed.getvalue()


@pytest.fixture
def public(server, monkeypatch):
    """public(content, name="small.tar.bz2", sha256=its own) -> makes `small` a public corpus of one archive."""

    def make(content, name="small.tar.bz2", sha256=None):
        server.contents[name] = content
        digest = hashlib.sha256(content).hexdigest() if sha256 is None else sha256
        parts = {"whole": Archive(f"{server.url}/{name}", digest)}
        corpus = PublicCorpus("Small", "CC0", "https://example.org", "Nobody, 2020", parts)
        monkeypatch.setitem(PUBLIC, "small", corpus)
        return server

    return make


@pytest.mark.parametrize("pack", [tar, zipped])
def test_a_corpus_is_fetched_checked_and_unpacked(public, tmp_path, pack):
    public(pack(recordings(4)))
    told = download.get("small", tmp_path / "small")
    assert told["licence"] == "CC0"
    assert (told["archives"][0]["checked"], told["archives"][0]["fetched"]) == (True, True)
    assert len(read_corpus(tmp_path / "small").recordings) == 4
    assert not list((tmp_path / "small").glob(".*.part*"))


def test_what_breaks_off_is_gone_on_with(public, tmp_path):
    server = public(tar(recordings(12)))
    server.breaks = 3
    download.get("small", tmp_path / "small", pause_s=0)
    size = len(server.contents["small.tar.bz2"])
    starts = [0, *(int(asked.removeprefix("bytes=").rstrip("-")) for asked in server.asked[1:])]
    assert starts == [0, size // 2, size // 2 + (size - size // 2) // 2, starts[3]]
    assert len(server.asked) == 4
    assert len(read_corpus(tmp_path / "small").recordings) == 12


def test_another_call_goes_on_too_and_a_file_that_changed_is_begun_anew(public, tmp_path, monkeypatch):
    server = public(tar(recordings(6)))
    server.breaks = 99
    monkeypatch.setattr(download, "_ATTEMPTS", 1)
    with pytest.raises(DataError, match="goes on where it was"):
        download.get("small", tmp_path / "small", pause_s=0)
    server.breaks = 0
    public(tar(recordings(8)))
    download.get("small", tmp_path / "small", pause_s=0)
    assert server.asked[-1].startswith("bytes=")
    assert len(read_corpus(tmp_path / "small").recordings) == 8


def test_a_server_that_gives_no_parts_is_asked_for_all(public, tmp_path):
    server = public(tar(recordings(6)))
    server.breaks, server.parts = 2, False
    download.get("small", tmp_path / "small", pause_s=0)
    assert len(read_corpus(tmp_path / "small").recordings) == 6


def test_what_is_there_is_not_fetched_again(public, tmp_path):
    server = public(tar(recordings(2)))
    download.get("small", tmp_path / "small")
    again = download.get("small", tmp_path / "small")
    assert [archive["fetched"] for archive in again["archives"]] == [False]
    assert len(server.asked) == 1


def test_another_checksum_is_an_error_and_leaves_nothing(public, tmp_path):
    public(tar(recordings(2)), sha256="0" * 64)
    with pytest.raises(DataError, match="not what it should be"):
        download.get("small", tmp_path / "small")
    assert not [path for path in (tmp_path / "small").rglob("*") if path.is_file()]


@pytest.mark.parametrize("pack", [tar, zipped])
def test_an_archive_writes_nothing_beside_its_folder(public, tmp_path, pack):
    public(pack(recordings(2) | {"../../../outside.txt": b"no"}))
    with contextlib.suppress(DataError):  # a tar's is refused, a zip's kept inside
        download.get("small", tmp_path / "deep" / "small")
    assert all(path.is_relative_to(tmp_path / "deep" / "small") for path in tmp_path.rglob("outside.txt"))


def test_what_there_is_not_is_told(public, tmp_path):
    public(b"", name="other.tar.bz2")
    with pytest.raises(UsageError, match="did you mean ljspeech"):
        download.get("ljspeach", tmp_path / "x")
    with pytest.raises(UsageError, match="dev-clean"):
        download.get("libritts", tmp_path / "x", ["all"])
    with pytest.raises(DataError, match="404"):
        download.get("ljspeech", tmp_path / "x", mirror=f"{PUBLIC['small'].parts['whole'].url}/none")


def test_the_command_shows_the_licence(public, tmp_path):
    public(tar(recordings(2)), sha256="")
    done = CliRunner().invoke(group, ["get", "small", "--out", str(tmp_path / "small")])
    assert done.exit_code == 0, done.output
    assert "Licence: CC0" in done.stderr
    assert "no checksum is published" in done.stdout
    assert "ganray corpus check" in done.stdout
