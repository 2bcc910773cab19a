"""Whether what machines say to each other is encrypted as the config says, and for how long their certificate lasts."""

import datetime
from typing import Any

from cryptography import x509

from ganray.config.cluster import ClusterConfig
from ganray.provisioning import probe
from ganray.provisioning.ask import Check

SOON_DAYS = 30
"""A certificate that ends within so many days is told: by then a new one must be everywhere."""


def encryption(cluster: ClusterConfig, nodes: list[dict[str, Any]], gcs_address: str) -> Check:
    """Every machine's node manager and the head's own store are asked for TLS, by one without a certificate."""
    host, _, port = gcs_address.rpartition(":")
    doors = [(host, int(port)), *((node["NodeManagerAddress"], int(node["NodeManagerPort"])) for node in nodes)]
    shown = {f"{host}:{port}": probe.certificate(host, port) for host, port in dict.fromkeys(doors)}
    plain = [door for door, certificate in shown.items() if not certificate]
    if not cluster.security.tls:
        wrong = len(plain) < len(shown)
        detail = "on, but not in the config" if wrong else "off: whoever is on the wire reads it, tokens too"
        return Check("encryption", not wrong, detail, "set security.tls to true")
    mend = "run `ganray cluster certificates`, copy the folder to every machine, and start Ray as rendered"
    if plain:
        return Check("encryption", False, f"no TLS on {', '.join(sorted(plain))}", mend)
    ends = min(x509.load_der_x509_certificate(one).not_valid_after_utc for one in shown.values())
    days = (ends - datetime.datetime.now(datetime.timezone.utc)).days
    detail = f"TLS on {len(shown)} ports of {len(nodes)} nodes, until {ends:%Y-%m-%d}"
    return Check("encryption", days >= SOON_DAYS, detail, f"{days} days are left: {mend.replace('run', 'run again')}")
