"""A rack of hosts as its user brings it up: keys, certificates, `ganray cluster render`, `ray up` from a laptop."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from host import INTERFACE, ROOT, Host, Hosts

ADDRESSES = {
    "server": "10.77.0.1",
    "trainer1": "10.77.0.2",
    "trainer2": "10.77.0.3",
    "keeper": "10.77.0.9",
    "laptop": "10.77.0.100",
}
"""The three of cluster/rack.yaml, one for Redis, and the one that submits."""
REDIS_PORT = 6390
URL = "http://127.0.0.1:8265"
"""The job server, on the laptop's end of an ssh tunnel: the head's dashboard listens on loopback."""
_STARTS_S = 600


def missing() -> str:
    """Programs that a rack needs besides the hosts'; empty where all are here."""
    needed = {"ssh": "openssh-client", "sshd": "openssh-server", "rsync": "rsync", "redis-server": "redis-server"}
    lost = [f"{program} (Debian's {package})" for program, package in needed.items() if not _program(program)]
    return f"missing: {', '.join(lost)}" if lost else ""


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@dataclass(frozen=True)
class Rack:
    """A cluster that runs.

    Attributes:
        hosts: By name.
        folder: What all hosts see as /mnt.
        logs: What the hosts' programs said.
    """

    hosts: dict[str, Host]
    folder: Path
    logs: Path

    def on(self, name: str, line: str, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
        """A bash line on a host."""
        return self.hosts[name].run(line, timeout_s)

    def laptop(self, line: str, timeout_s: float = 600) -> str:
        """A line that the user types, which must do what it should; its output."""
        done = self.on("laptop", line, timeout_s)
        if done.returncode:
            raise RuntimeError(f"$ {line}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout

    def submit(self, name: str, verb: str) -> subprocess.Popen:
        """`ganray cluster submit` on the laptop, in the background; what it says is in logs/NAME.log."""
        line = f"cd {ROOT} && exec ganray cluster submit --working-dir /root/empty --name {name} -- {verb}"
        return self.hosts["laptop"].start(line, self.log(name))

    def sshd(self, host: Host) -> None:
        """Let ssh in."""
        host.start("exec /usr/sbin/sshd -D -e -f ~/sshd", self.log(f"sshd-{host.name}"))

    def log(self, name: str) -> Path:
        """Where a background command's words go."""
        return self.logs / f"{name}.log"

    def nodes(self) -> int:
        """Machines that the head believes in; -1 where it does not answer."""
        ask = "import ray; ray.init('auto', log_to_driver=False); print('alive', sum(n['Alive'] for n in ray.nodes()))"
        done = self.on("server", f'{settings()} timeout 60 python -c "{ask}"')
        words = done.stdout.split()
        return int(words[words.index("alive") + 1]) if "alive" in words else -1

    def wait_for_nodes(self, count: int, patience_s: float = _STARTS_S) -> None:
        """Until so many machines are there."""
        until = time.monotonic() + patience_s
        while (found := self.nodes()) != count:
            if time.monotonic() > until:
                raise TimeoutError(f"{found} machines, not {count}")
            time.sleep(1)

    def calm(self) -> None:
        """After a part that failed: every cable in and good, no job running."""
        for host in self.hosts.values():
            host.shape()
            host.join()
        stop = "from ray.job_submission import JobSubmissionClient as C; c = C()\n"
        stop += "for job in c.list_jobs():\n    job.status.is_terminal() or c.stop_job(job.submission_id)"
        self.on("laptop", f"timeout 60 python -c '{stop}'")

    def tunnel(self) -> subprocess.Popen:
        """The laptop's way to the head's dashboard, which comes back by itself after a cut."""
        keep = "-o ServerAliveInterval=2 -o ServerAliveCountMax=3 -o ConnectTimeout=3"
        ssh = f"ssh {keep} -N -L 8265:127.0.0.1:8265 {ADDRESSES['server']}"
        return self.hosts["laptop"].start(f"while :; do {ssh}; sleep 1; done", self.log("tunnel"))


@contextlib.contextmanager
def rack(folder: Path) -> Iterator[Rack]:
    """A rack with nothing running on it but ssh."""
    logs = folder / "logs"
    logs.mkdir()
    kept = [ROOT, Path(sys.base_prefix), *(Path(one).resolve() for one in sys.path if one.endswith("-packages"))]
    with Hosts(folder, ADDRESSES, kept) as hosts:
        found = Rack(hosts, folder / "shared", logs)
        _keys(found, folder)
        for host in hosts.values():
            found.sshd(host)
        redis = f"redis-server --bind {ADDRESSES['keeper']} --port {REDIS_PORT} --protected-mode no --appendonly yes"
        hosts["keeper"].start(f"cd /tmp && exec {redis}", logs / "redis.log")
        yield found


def _keys(found: Rack, folder: Path) -> None:
    """Every host's home: an ssh key that lets in, a shell with the environment's programs, a small object store."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:$PATH",
        "OMP_NUM_THREADS": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES": "200000000",
        "RAY_raylet_start_wait_time_s": "60",
        "PYTHONUNBUFFERED": "1",
    }
    for host in found.hosts.values():
        ssh = host.home / ".ssh"
        ssh.mkdir(mode=0o700)
        for name, text in {
            "id_ed25519": (folder / "key").read_text(),
            "authorized_keys": (folder / "key.pub").read_text(),
            "config": "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\n",
        }.items():
            (ssh / name).write_text(text)
            (ssh / name).chmod(0o600)
        shell = "".join(f"export {name}={value}\n" for name, value in environment.items())
        (host.home / ".bashrc").write_text(shell)
        sshd = "HostKey /root/.ssh/id_ed25519\nUsePAM no\nPidFile none\nPermitRootLogin yes\n"
        (host.home / "sshd").write_text(sshd)
        (host.home / "empty").mkdir()
        host.home.chmod(0o700)


def config(**change: object) -> dict:
    """cluster/rack.yaml for these hosts: less of everything, and this user."""
    document = yaml.safe_load((ROOT / "cluster" / "rack.yaml").read_text())
    document["storage"] = "/mnt/runs"
    document["packages"] = {"python": ">=3.10"}  # they all see this checkout
    document["pools"]["service"] |= {"cpus": 2, "memory_gb": 2}
    document["pools"]["trainers"] |= {"cpus": 1, "memory_gb": 2}
    document["providers"]["rack"] = {"ssh_user": "root", "interface": INTERFACE}
    document["head"] |= {"redis": f"{ADDRESSES['keeper']}:{REDIS_PORT}"}
    return document | change


def up(found: Rack, document: dict) -> dict[str, float]:
    """What docs/cluster.md says under Rack, typed on the laptop; the seconds of each line."""
    (found.hosts["laptop"].home / "rack.yaml").write_text(yaml.safe_dump(document))
    took = {}
    for line in (
        "ganray cluster certificates rack.yaml",
        "ganray cluster render rack.yaml --out my-cluster",
        "ray get-auth-token --generate > /dev/null",
        "ray up --yes --no-config-cache my-cluster/local.yaml",
    ):
        began = time.monotonic()
        # The service's YAML is named from the checkout.
        found.laptop(line if "render" not in line else f"cp -r {ROOT}/serve . && {line}")
        took[line] = time.monotonic() - began
    (found.hosts["laptop"].home / ".bashrc").open("a").write(f"export RAY_AUTH_MODE=token RAY_ADDRESS={URL}\n")
    began = time.monotonic()
    found.wait_for_nodes(3)
    took["until all machines were there"] = time.monotonic() - began
    return took


def settings() -> str:
    """Environment of whoever uses the cluster from the head."""
    tls = {"SERVER_CERT": "node.crt", "SERVER_KEY": "node.key", "CA_CERT": "ca.crt"}
    files = " ".join(f"RAY_TLS_{key}=/root/.ganray/tls/{file}" for key, file in tls.items())
    return f"RAY_AUTH_MODE=token RAY_USE_TLS=1 {files}"
