"""Make `.venv` fit `pyproject.toml`: python tools/environment.py

The 6 GB of dependencies live once per machine, in a folder keyed by a hash of `pyproject.toml` and the Python
version; `.venv` is a thin layer over it that adds this checkout. So a second clone is ready in seconds, and two
clones never run each other's code. Standard library only: it runs before anything is installed.

    GANRAY_ENVIRONMENTS   where the shared environments live (default: ~/.cache/ganray/environments)
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = "dev"


def main() -> None:
    if sys.version_info < (3, 10):
        sys.exit(f"ganray needs Python 3.10 or newer, this is {sys.version.split()[0]}; run make PYTHON=python3.11")
    key = environment_key()
    home = Path(os.environ.get("GANRAY_ENVIRONMENTS", Path.home() / ".cache" / "ganray" / "environments"))
    shared, mark = home / key, ROOT / ".venv" / "environment"
    if mark.is_file() and mark.read_text() == str(shared) and (shared / "complete").is_file():
        return
    home.mkdir(parents=True, exist_ok=True)
    with open(home / f"{key}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two clones on a new machine: one installs, the other waits
        if not (shared / "complete").is_file():
            install_dependencies(shared)
    make_layer(shared)
    mark.write_text(str(shared))
    print(f"environment: .venv is ready (dependencies in {shared})", flush=True)


def environment_key() -> str:
    """A hash of what decides the installation: pyproject.toml without the settings of tools, and the Python version."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8").split("\n[tool.")[0]
    return hashlib.sha256(f"{project}{sys.version_info[:2]}".encode()).hexdigest()[:12]


def install_dependencies(shared: Path) -> None:
    print("environment: installing what pyproject.toml asks for (2 to 4 minutes, 6 GB, once)", flush=True)
    started = time.monotonic()
    shutil.rmtree(shared, ignore_errors=True)
    venv.create(shared, with_pip=True)
    pip = [str(shared / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "-qq", "--progress-bar", "off", f"{ROOT}[{EXTRAS}]"], check=True)
    subprocess.run([*pip, "uninstall", "--quiet", "--yes", "ganray"], check=True)  # the layer adds the checkout
    (shared / "complete").touch()
    print(f"environment: installed in {time.monotonic() - started:.0f} s", flush=True)


def make_layer(shared: Path) -> None:
    layer = ROOT / ".venv"
    shutil.rmtree(layer, ignore_errors=True)
    venv.create(layer, with_pip=False)
    site_packages = next((layer / "lib").glob("python*/site-packages"))
    shared_packages = next((shared / "lib").glob("python*/site-packages"))
    # addsitedir, not a plain path line: the shared folder's own .pth files must be read too.
    (site_packages / "ganray.pth").write_text(f"import site; site.addsitedir({str(shared_packages)!r})\n{ROOT}\n")
    write_metadata(site_packages)
    python = layer / "bin" / "python"
    for script in (shared / "bin").iterdir():
        ours = layer / "bin" / script.name
        if script.is_symlink() or script.is_dir() or ours.exists():
            continue
        if script.read_bytes().startswith(b"#!") and b"python" in script.read_bytes().split(b"\n", 1)[0]:
            write_script(ours, f"#!{python}\n".encode() + script.read_bytes().split(b"\n", 1)[1])
        else:
            ours.symlink_to(script)  # a program, not a script
    write_script(
        layer / "bin" / "ganray",
        f'#!{python}\nfrom ganray.cli import main\n\nif __name__ == "__main__":\n    main()\n'.encode(),
    )


def write_metadata(site_packages: Path) -> None:
    """Let `importlib.metadata` see the checkout, as it would see an installed ganray."""
    version = re.search(r'__version__ = "(.+)"', (ROOT / "ganray" / "__init__.py").read_text(encoding="utf-8"))
    assert version, "ganray/__init__.py has no __version__"
    folder = site_packages / f"ganray-{version[1]}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ganray\nVersion: {version[1]}\n", encoding="utf-8")


def write_script(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    path.chmod(0o755)


if __name__ == "__main__":
    main()
