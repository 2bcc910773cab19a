"""TLS between machines: certificates are made by one command, and Ray lets in only who has them."""

import os
import socket
import ssl
import stat
import sys
import threading

import pytest

from ganray.config import load
from ganray.config.cluster import ClusterConfig, cluster_rules
from ganray.errors import UsageError
from ganray.provisioning import probe
from ganray.provisioning.certificates import hosts, make
from ganray.provisioning.encryption import encryption
from ganray.provisioning.start import assignments, environment
from tests.provisioning.conftest import started

MACHINE = {"name": "tested", "storage": "/shared", "pools": {"m": {"cpus": 2, "memory_gb": 4}}}
ASK = "import ray; ray.init('auto', log_to_driver=False); print('in', len(ray.nodes()))"


def cluster(**security) -> ClusterConfig:
    return load(ClusterConfig, MACHINE | {"security": security}, rules=cluster_rules)


def server(folder):
    """A TLS server with the folder's certificate; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "node.crt", folder / "node.key")
    listener = socket.create_server(("127.0.0.1", 0))

    def answer():
        while True:
            try:
                plain, _ = listener.accept()
                context.wrap_socket(plain, server_side=True).close()
            except OSError:
                return

    threading.Thread(target=answer, daemon=True).start()
    return listener


def test_the_certificate_holds_for_every_machine_and_for_no_other(tmp_path):
    rack = MACHINE | {
        "pools": {"m": {"cpus": 1, "memory_gb": 1, "max_nodes": 2, "hosts": ["10.77.0.1", "rack2.local"]}}
    }
    names = hosts(load(ClusterConfig, rack))
    assert names == ["localhost", "127.0.0.1", "10.77.0.1", "rack2.local"]
    make(tmp_path, "tested", names)
    with server(tmp_path) as listener:
        trusting = ssl.create_default_context(cafile=tmp_path / "ca.crt")
        for name in names:
            with socket.create_connection(listener.getsockname()) as plain:
                trusting.wrap_socket(plain, server_hostname=name).close()
        with socket.create_connection(listener.getsockname()) as plain, pytest.raises(ssl.SSLCertVerificationError):
            trusting.wrap_socket(plain, server_hostname="10.77.0.3")
    make(tmp_path / "others", "tested", names)
    stranger = ssl.create_default_context(cafile=tmp_path / "others" / "ca.crt")
    listener = server(tmp_path)
    with socket.create_connection(listener.getsockname()) as plain, pytest.raises(ssl.SSLCertVerificationError):
        stranger.wrap_socket(plain, server_hostname="127.0.0.1")
    listener.close()


def test_keys_are_for_their_owner_and_not_replaced_unasked(tmp_path):
    make(tmp_path / "tls", "tested", ["127.0.0.1"])
    assert {path.name for path in (tmp_path / "tls").iterdir()} == {"ca.crt", "node.crt", "node.key"}
    assert stat.S_IMODE(os.stat(tmp_path / "tls" / "node.key").st_mode) == 0o600
    before = (tmp_path / "tls" / "node.key").read_bytes()
    with pytest.raises(UsageError, match="already"):
        make(tmp_path / "tls", "tested", ["127.0.0.1"])
    assert (tmp_path / "tls" / "node.key").read_bytes() == before
    make(tmp_path / "tls", "tested", ["127.0.0.1"], force=True)
    assert (tmp_path / "tls" / "node.key").read_bytes() != before


def test_a_home_stays_the_readers_home():
    told = assignments(environment(cluster(tls=True, token=True)))
    assert "RAY_TLS_SERVER_KEY=~/.ganray/tls/node.key" in told
    assert assignments({"A": "~/my certificates/x", "B": "a b"}) == ["A=~/'my certificates/x'", "B='a b'"]


@pytest.mark.parametrize(("days", "ok"), [(400, True), (7, False)])
def test_doctor_says_when_a_certificate_ends(tmp_path, days, ok):
    make(tmp_path, "tested", ["127.0.0.1"], days=days)
    with server(tmp_path) as listener:
        port = listener.getsockname()[1]
        check = encryption(cluster(tls=True), [], f"127.0.0.1:{port}")
    assert check.ok == ok
    assert "TLS on 1 ports" in check.detail
    assert ok or "certificates" in check.mend


def test_doctor_says_what_is_not_encrypted():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        check = encryption(cluster(tls=True), [], address)
    assert not check.ok
    assert address in check.detail


@pytest.mark.ray
def test_a_head_with_tls_lets_in_only_who_has_its_certificates(tmp_path):
    """One switch: the environment that is rendered. The token alone is not enough, nor is another's certificate."""
    for folder in ("tls", "others"):
        make(tmp_path / folder, "tested", hosts(cluster()))
    mine = environment(cluster(tls=True, tls_dir=str(tmp_path / "tls")))
    theirs = environment(cluster(tls=True, tls_dir=str(tmp_path / "others")))
    with started(mine) as head:
        host, _, port = head.address.partition(":")
        assert probe.certificate(host, int(port))
        ask = [sys.executable, "-c", ASK]
        head.environment["RAY_ADDRESS"] = head.address
        head.environment["RAY_gcs_rpc_server_connect_timeout_s"] = "3"
        head.environment["RAY_gcs_server_request_timeout_seconds"] = "3"
        done = head.run(*ask)
        assert done.stdout == "in 1\n", done.stderr
        for others in (theirs, {**theirs, "RAY_USE_TLS": "0"}):
            head.environment.update(others)
            done = head.run("timeout", "12", *ask)
            assert done.returncode != 0
            assert "in 1" not in done.stdout
