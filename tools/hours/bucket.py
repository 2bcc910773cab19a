"""A bucket as slow as one in a cloud: a folder by the part of the S3 protocol that reading needs, late and throttled.

moto's server holds an object in memory and copies all of it for every part that is asked for; this one sends files.
"""

import contextlib
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BLOCK = 1 << 18


class Bucket:
    """Serves a folder's files as those of the bucket `bucket`, to anybody who asks on this machine.

    Args:
        folder: What is in it.
        late_s: How long every answer waits.
        bytes_per_s: What a connection gets at most.

    Attributes:
        requests: How many there were.
        sent_bytes: Of files.
    """

    def __init__(self, folder: Path, late_s: float, bytes_per_s: float) -> None:
        self.folder, self.late_s, self.bytes_per_s = folder, late_s, bytes_per_s
        self.requests = self.sent_bytes = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def uri(self, name: str) -> str:
        """Of a folder in it."""
        host = f"127.0.0.1:{self._server.server_port}"
        return f"s3://bucket/{name}?endpoint_override={host}&scheme=http&region=us-east-1"

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(bucket) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_HEAD(self) -> None:
                self._answer(body=False)

            def do_GET(self) -> None:
                self._answer(body=True)

            def log_message(self, *_: object) -> None:
                pass

            def _answer(self, body: bool) -> None:
                bucket.requests += 1
                time.sleep(bucket.late_s)
                parts = urlsplit(self.path)
                path = bucket.folder / unquote(parts.path).removeprefix("/bucket").lstrip("/")
                if "list-type" in parts.query:
                    self._send(200, bucket.listing(parse_qs(parts.query).get("prefix", [""])[0]))
                elif not path.is_file():
                    self._send(404, b"<Error><Code>NoSuchKey</Code></Error>", body)
                else:
                    with contextlib.suppress(OSError):
                        self._file(path, body)

            def _send(self, status: int, content: bytes, body: bool = True) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/xml")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if body:
                    self.wfile.write(content)

            def _file(self, path: Path, body: bool) -> None:
                size, first = path.stat().st_size, 0
                last, asked = size - 1, self.headers.get("Range", "")
                if asked:
                    begin, _, end = asked.removeprefix("bytes=").partition("-")
                    first, last = int(begin), min(int(end or last), last)
                self.send_response(206 if asked else 200)
                self.send_header("Content-Length", str(last - first + 1))
                self.send_header("ETag", '"0"')
                self.send_header("Last-Modified", formatdate(path.stat().st_mtime, usegmt=True))
                if asked:
                    self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
                self.end_headers()
                if not body:
                    return
                with open(path, "rb") as file:
                    file.seek(first)
                    left = last - first + 1
                    while left and (block := file.read(min(BLOCK, left))):
                        self.wfile.write(block)
                        left -= len(block)
                        bucket.sent_bytes += len(block)
                        time.sleep(len(block) / bucket.bytes_per_s)

        return Handler

    def listing(self, prefix: str) -> bytes:
        """What lies under a prefix, as S3 lists it."""
        files = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{path.stat().st_size}</Size>"
            f"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>0</ETag></Contents>"
            for path in files
            for key in [str(path.relative_to(self.folder))]
            if key.startswith(prefix)
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>".encode()
