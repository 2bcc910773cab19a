"""Hosts that are as good as machines: each a network, mount, process and UTS namespace of its own, on one bridge.

A host has its own address, name, /root, /tmp, /dev/shm and processes; what `ray stop`, `hostname -I` and ssh do on one
is not felt on another. All see the folder /mnt. The processors and the memory are the one machine's.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INTERFACE = "gr0"
"""What every host calls its network interface."""
_SPACE = f"gr-{os.getpid()}-"
"""What the network namespaces of this run begin with."""
_SWITCH = f"{_SPACE}switch"
_INIT = (
    "import os, time\nwhile True:\n    try:\n        os.wait()\n    except ChildProcessError:\n        time.sleep(0.1)"
)


def missing() -> str:
    """Why there can be no hosts here; empty where there can be."""
    if sys.platform != "linux" or os.geteuid():
        return "network namespaces need Linux and root"
    for program, package in {"ip": "iproute2", "tc": "iproute2", "unshare": "util-linux"}.items():
        if shutil.which(program) is None:
            return f"{program} is missing (Debian's {package})"
    return ""


def run(line: str, check: bool = True) -> str:
    """A command of this machine's; its output."""
    done = subprocess.run(line.split(), capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{line}: {done.stderr.strip()}")
    return done.stdout


class Hosts:
    """A switch and the hosts on it; a `with` block takes all of it away again."""

    def __init__(self, folder: Path, addresses: Mapping[str, str], kept: Sequence[Path]) -> None:
        """Hosts by name and address.

        Args:
            folder: Where their files lie.
            addresses: {name: IPv4 address}, all in one /24.
            kept: Folders that every host sees where this machine has them, as the checkout.
        """
        self.folder, self.shared = folder, folder / "shared"
        self._addresses, self._kept = addresses, kept
        self._all: dict[str, Host] = {}

    def __enter__(self) -> dict[str, "Host"]:
        self.shared.mkdir(parents=True, exist_ok=True)
        _sweep()
        run(f"ip netns add {_SWITCH}")
        run(f"ip -n {_SWITCH} link add bridge type bridge")
        run(f"ip -n {_SWITCH} link set bridge up")
        names = "".join(f"{address} {name}\n" for name, address in self._addresses.items())
        (self.folder / "hosts").write_text(f"127.0.0.1 localhost\n{names}")
        try:
            for name, address in self._addresses.items():
                self._all[name] = Host(name, address, self)
        except BaseException:
            self.__exit__()
            raise
        return self._all

    def __exit__(self, *_: object) -> None:
        for host in self._all.values():
            host.off()
        for name in self._addresses:
            run(f"ip netns del {_SPACE}{name}", check=False)
        run(f"ip netns del {_SWITCH}", check=False)


class Host:
    """One of them. It is on until `off`."""

    def __init__(self, name: str, address: str, hosts: Hosts) -> None:
        """Made by Hosts."""
        self.name, self.address, self._hosts = name, address, hosts
        self._space, self._cable = f"{_SPACE}{name}", None
        run(f"ip netns add {self._space}")
        run(f"ip -n {_SWITCH} link add name {name} type veth peer name {INTERFACE} netns {self._space}")
        run(f"ip -n {_SWITCH} link set dev {name} master bridge up")
        run(f"ip -n {self._space} addr add {address}/24 dev {INTERFACE}")
        run(f"ip -n {self._space} link set {INTERFACE} up")
        run(f"ip -n {self._space} link set lo up")
        self.home = hosts.folder / name / "root"
        self.on()

    def on(self) -> None:
        """Start it: an init process that owns the namespaces."""
        folder = self._hosts.folder / self.name
        lines = ["set -e", f"hostname {self.name}", "mount --make-rprivate /"]
        places = [path for path in map(str, self._hosts._kept) if path.startswith(("/root", "/tmp"))]
        for number, path in enumerate(places):
            (folder / "kept" / str(number)).mkdir(parents=True, exist_ok=True)
            lines.append(f"mount --bind {path} {folder}/kept/{number}")
        lines.append(f"mkdir -p /run/sshd && mount --rbind {folder} /media")  # out of the way of the next lines
        for place in ("root", "tmp"):
            (folder / place).mkdir(parents=True, exist_ok=True)
        lines += [f"mount --bind {self._hosts.shared} /mnt", f"mount --bind {self._hosts.folder}/hosts /etc/hosts"]
        lines += ["mount --bind /media/root /root", "mount --bind /media/tmp /tmp", "chmod 1777 /tmp"]
        lines.append("mount -t tmpfs -o size=1g tmpfs /dev/shm")
        for number, path in enumerate(places):
            lines.append(f"mkdir -p {path} && mount --bind /media/kept/{number} {path}")
        lines.append(f"exec {sys.executable} -c {_quoted(_INIT)}")
        spaces = "unshare --pid --fork --mount --uts --ipc --mount-proc --kill-child"
        self._process = subprocess.Popen(
            ["nice", "-n", "10", "ip", "netns", "exec", self._space, *spaces.split(), "bash", "-c", "\n".join(lines)],
            start_new_session=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        until = time.monotonic() + 20
        while f"{sys.executable}\0-c" not in self._told():
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError(f"host {self.name} does not start")
            time.sleep(0.05)

    def _told(self) -> str:
        """Command line of its init; empty before there is one."""
        try:
            return Path(f"/proc/{self._init()}/cmdline").read_text()
        except (OSError, IndexError):
            return ""

    def _init(self) -> int:
        pid = self._process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def off(self) -> None:
        """As if the plug were pulled: every process of it ends with its init."""
        if self._cable:
            self.shape()
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def inside(self, line: str) -> list[str]:
        """A bash line as a command that runs in the host, with its own environment."""
        enter = f"nsenter --target {self._init()} --mount --net --uts --ipc --pid env -i HOME=/root TERM=dumb"
        return [*enter.split(), "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin", "bash", "-c", f". ~/.bashrc; cd; {line}"]

    def run(self, line: str, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
        """Run a bash line in the host."""
        command = self.inside(line)
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)

    def start(self, line: str, log: Path) -> subprocess.Popen:
        """Start a bash line in the host; what it says goes to `log`."""
        with open(log, "w") as file:
            return subprocess.Popen(self.inside(line), stdout=file, stderr=subprocess.STDOUT, start_new_session=True)

    def cut(self) -> None:
        """Take its cable out."""
        run(f"ip -n {_SWITCH} link set dev {self.name} down")

    def join(self) -> None:
        """Put its cable in again."""
        run(f"ip -n {_SWITCH} link set dev {self.name} up")

    def shape(self, delay_ms: float = 0, loss_percent: float = 0) -> str:
        """Make its cable bad, both ways; good again without arguments. Says by what."""
        if self._cable:
            self._cable.kill()
            self._cable.wait()
            self._cable = None
            run(f"ip -n {_SWITCH} link del {self.name}-b")
            run(f"ip -n {_SWITCH} link set dev {self.name} master bridge")
        ends = ((_SWITCH, self.name), (self._space, INTERFACE))
        for space, device in ends:
            run(f"tc -n {space} qdisc del dev {device} root", check=False)
        if not delay_ms and not loss_percent:
            return ""
        try:
            for space, device in ends:
                run(f"tc -n {space} qdisc replace dev {device} root netem delay {delay_ms}ms loss {loss_percent}%")
            return "tc netem"
        except RuntimeError:  # this kernel has no netem
            self._own_cable(delay_ms, loss_percent)
            return "tools/hosts/cable.py: this kernel has no netem"

    def _own_cable(self, delay_ms: float, loss_percent: float) -> None:
        """Between its place on the switch and a bridge that it has to itself."""
        near, far, mine = f"{self.name}-n", f"{self.name}-f", f"{self.name}-b"
        own = f"ip netns exec {_SWITCH} {sys.executable} {Path(__file__).with_name('cable.py')} {near} {far}"
        command = [*own.split(), f"--delay-ms={delay_ms}", f"--loss-percent={loss_percent}"]
        self._cable = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while far not in run(f"ip -n {_SWITCH} -o link"):
            if time.monotonic() > until or self._cable.poll() is not None:
                raise RuntimeError(f"there is no cable for {self.name}")
            time.sleep(0.05)
        run(f"ip -n {_SWITCH} link add name {mine} type bridge")
        for device, bridge in ((self.name, mine), (near, mine), (far, "bridge")):
            run(f"ip -n {_SWITCH} link set dev {device} master {bridge} up")
        run(f"ip -n {_SWITCH} link set dev {mine} up")


def _sweep() -> None:
    """Take away what a run that was killed left behind: namespaces whose process is gone."""
    for line in run("ip netns list").splitlines():
        name = line.split()[0]
        mark, _, rest = name.partition("-")
        pid = rest.partition("-")[0]
        if mark == "gr" and pid.isdecimal() and not Path(f"/proc/{pid}").exists():
            run(f"ip netns del {name}", check=False)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
