"""Hosts of tools/hosts are as good as machines: addresses and names of their own, cables that can be taken out."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools" / "hosts"))
import host

sys.path.pop(0)
for name in ("host",):  # other tools have modules of these names
    sys.modules.pop(name)
pytestmark = pytest.mark.skipif(bool(host.missing()), reason=host.missing() or "hosts can be")
LISTEN = """
import socket
server = socket.create_server(("10.77.9.1", 5000))
while True:
    other, who = server.accept()
    with other:
        other.sendall(f"{socket.gethostname()} to {who[0]}, {other.recv(9).decode()}".encode())
"""
ASK = """
import socket, time
began = time.monotonic()
with socket.create_connection(("10.77.9.1", 5000), 2) as other:
    other.sendall(b"x")
    print(other.recv(99).decode(), round(time.monotonic() - began, 3), sep="; ")
"""


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """One that listens, and one that asks."""
    folder = tmp_path_factory.mktemp("hosts")
    for name, text in {"listen": LISTEN, "ask": ASK}.items():
        (folder / "shared").mkdir(exist_ok=True)
        (folder / "shared" / f"{name}.py").write_text(text)
    kept = [host.ROOT, Path(sys.base_prefix), Path(sys.prefix).resolve()]
    with host.Hosts(folder, {"near": "10.77.9.1", "far": "10.77.9.2"}, kept) as hosts:
        for one in hosts.values():
            (one.home / ".bashrc").touch()
        hosts["near"].start(f"exec {sys.base_prefix}/bin/python3 /mnt/listen.py", folder / "log")
        yield hosts


def ask(hosts) -> tuple[str, float]:
    """What the other says, and in how many seconds; ("", 0) where it does not."""
    done = hosts["far"].run(f"{sys.base_prefix}/bin/python3 /mnt/ask.py")
    said, _, seconds = done.stdout.partition("; ")
    return said, float(seconds or 0)


def until_it_answers(hosts) -> tuple[str, float]:
    for _ in range(20):
        if (answer := ask(hosts))[0]:
            return answer
    raise AssertionError("it never answers")


def test_each_has_its_own_address_and_name_and_processes(two):
    assert until_it_answers(two)[0] == "near to 10.77.9.2, x"
    assert two["far"].run("hostname -I; hostname").stdout.split() == ["10.77.9.2", "far"]
    assert "listen.py" in two["near"].run("cat /proc/*/cmdline | tr '\\0' ' '").stdout
    assert "listen.py" not in two["far"].run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout


def test_a_cable_that_is_out_lets_nothing_through_until_it_is_in(two):
    until_it_answers(two)
    two["near"].cut()
    assert ask(two) == ("", 0)
    two["near"].join()
    assert until_it_answers(two)[0]


def test_a_long_line_is_slow_both_ways_and_good_again_after(two):
    quick = min(until_it_answers(two)[1] for _ in range(3))
    assert two["near"].shape(delay_ms=100)
    slow = min(until_it_answers(two)[1] for _ in range(3))
    two["near"].shape()
    again = min(until_it_answers(two)[1] for _ in range(3))
    assert slow >= quick + 0.35, "a handshake and an answer: two round trips of 200 ms"
    assert again < slow - 0.2
