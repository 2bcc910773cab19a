"""An S3-protocol server on loopback: moto's, in a thread of the tests' own process."""

import logging
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUCKET = "bucket"


class Server:
    """Keeps its buckets while it is down.

    Attributes:
        uri: Of its bucket.
    """

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._app, threaded=True)
        self._port = self._server.port
        self._serve()
        self.uri = f"s3://{BUCKET}?endpoint_override=127.0.0.1:{self._port}&scheme=http"
        from pyarrow import fs

        filesystem, _ = fs.FileSystem.from_uri(f"{self.uri}&allow_bucket_creation=true")
        filesystem.create_dir(BUCKET)

    def at(self, path: str) -> str:
        """URI of a path in the bucket."""
        return self.uri.replace(BUCKET, f"{BUCKET}/{path}", 1)

    def _serve(self) -> None:
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections."""
        self._server.shutdown()
        self._server.server_close()

    def start(self) -> None:
        """Come back, with all that was there."""
        self._server = make_server("127.0.0.1", self._port, self._app, threaded=True)
        self._serve()
