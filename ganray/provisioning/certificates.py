"""Certificates for TLS between the machines of a cluster: made once for all, by an authority that is forgotten.

Ray reads three files on every machine (RAY_TLS_SERVER_CERT, _KEY, RAY_TLS_CA_CERT) and asks both sides of every gRPC
connection for a certificate of the same authority. The authority's key signs one certificate and is never written down:
nobody can make a second one that the cluster would believe. When a machine comes or the certificate ends, all three
files are made anew and the cluster is started again.
"""

import datetime
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path

import ray.util
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ganray.config.cluster import ClusterConfig
from ganray.errors import UsageError

AUTHORITY, CERTIFICATE, KEY = "ca.crt", "node.crt", "node.key"
DAYS = 825
"""How long they are valid: what clients accept at most of a certificate."""
_CURVE = ec.SECP256R1()


def hosts(cluster: ClusterConfig) -> list[str]:
    """What the machines are called: loopback, and the pools' hosts, or this machine's address where none are named."""
    named = [host for pool in cluster.pools.values() for host in pool.hosts]
    return list(dict.fromkeys(["localhost", "127.0.0.1", *(named or [ray.util.get_node_ip_address()])]))


def make(folder: Path, name: str, names: Sequence[str], days: float = DAYS, force: bool = False) -> datetime.datetime:
    """Write `ca.crt`, `node.crt` and `node.key` into `folder`; the key is for its owner alone.

    Args:
        folder: Where to; made if it is not there.
        name: Of the cluster, for the certificates' subjects.
        names: Addresses and host names of the machines.
        days: How long they are valid.
        force: Whether to replace those that are there.

    Returns:
        When they end.

    Raises:
        UsageError: There are some already.
    """
    there = [file for file in (AUTHORITY, CERTIFICATE, KEY) if (folder / file).exists()]
    if there and not force:
        raise UsageError(
            f"{folder} has {', '.join(there)} already", mend="use them, or replace all of them everywhere by --force"
        )
    authority, key = ec.generate_private_key(_CURVE), ec.generate_private_key(_CURVE)
    now = datetime.datetime.now(datetime.timezone.utc)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} authority")])
    root = _builder(issuer, issuer, authority, now, days).add_extension(x509.BasicConstraints(True, 0), critical=True)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    node = (
        _builder(subject, issuer, key, now, days)
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(both), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(one) for one in names]), critical=False)
    )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = serialization.Encoding.PEM
    _write(folder / AUTHORITY, root.sign(authority, hashes.SHA256()).public_bytes(pem))
    _write(folder / CERTIFICATE, node.sign(authority, hashes.SHA256()).public_bytes(pem))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    _write(folder / KEY, key.private_bytes(pem, *plain))
    return now + datetime.timedelta(days=days)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime.datetime, days: float
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # clocks differ
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, content: bytes) -> None:
    """Beside and renamed; never readable by others, not for a moment."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    beside.replace(path)
