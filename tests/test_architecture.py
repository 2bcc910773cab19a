"""Arrows run downward only: every import of every file is read, wherever in the file it stands.

errors → config → (audio, text, losses, models, data) → (gan, voice, metrics) → (insight, blind) → gerunds → cli
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GERUNDS = ("preparing", "training", "tuning", "evaluating", "comparing", "serving", "speaking", "provisioning")
LAYERS = (
    ("errors",),
    ("config",),
    ("audio", "text", "losses", "models", "data"),
    ("gan", "voice", "metrics"),
    ("insight", "blind"),
    GERUNDS,
    ("cli", "__main__"),
)
RANK = {package: rank for rank, layer in enumerate(LAYERS) for package in layer}
MAY_IMPORT_RAY = {*GERUNDS, "cli"}
WITHOUT_TORCH = {"errors", "config"}
HEAVY = {"av", "fastapi", "matplotlib", "pyarrow", "ray", "soundfile", "soxr", "torch", "torchaudio"}
STRANGERS = {("serving", "training"), ("voice", "training")}
"""(these, must not meet those), over any number of steps."""


def sources(root: Path) -> dict[str, str]:
    """{module's dotted name: its text} of every file of the package."""
    found = {}
    for path in sorted((root / "ganray").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return found


def imports(module: str, text: str, modules: set[str]) -> Iterator[tuple[str, bool]]:
    """(What is imported, whether it is imported with the module), in functions and by `import_module("…")` too."""
    tree = ast.parse(text)
    inside = {
        id(node)
        for f in ast.walk(tree)
        if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(f)
    }
    # In a file `a/b.py`, `.` is `a`; in `a/b/__init__.py` it is `a.b`.
    package = module if any(other.startswith(module + ".") for other in modules) else module.rpartition(".")[0]
    for node in ast.walk(tree):
        at_top = id(node) not in inside
        if isinstance(node, ast.Import):
            yield from ((alias.name, at_top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield (f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules else base), at_top
        elif isinstance(node, ast.Call) and _name(node.func) in ("import_module", "__import__"):
            yield from ((str(word.value), at_top) for word in node.args[:1] if isinstance(word, ast.Constant))


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def violations(files: Mapping[str, str]) -> list[str]:
    """Everything that the design forbids, in words."""
    modules, told = set(files), []
    at_once: dict[str, set[str]] = {module: set() for module in files}
    packages: dict[str, set[str]] = {package_of(module): set() for module in files}
    for module, text in files.items():
        package = package_of(module)
        for target, at_top in imports(module, text, modules):
            top = target.split(".")[0]
            if top == "ray" and package not in MAY_IMPORT_RAY:
                told.append(f"{module} imports ray: only {', '.join(sorted(MAY_IMPORT_RAY))} may")
            if top in ("torch", "torchaudio") and package in WITHOUT_TORCH:
                told.append(f"{module} imports {top}")
            if package == "cli" and at_top and top in HEAVY:
                told.append(f"{module} imports {top} before it is needed: --help must be instant")
            if top != "ganray" or target == "ganray":
                continue
            if package == "cli" and at_top and package_of(target) not in ("errors", "config", "cli"):
                told.append(f"{module} imports {target} before it is needed: --help must be instant")
            if at_top:
                at_once[module].add(target)
            if package_of(target) != package:
                packages[package].add(package_of(target))
            if package and RANK[package_of(target)] > RANK[package]:
                told.append(f"{module} imports {target}: arrows run downward only")
    told += [f"{a} reaches {b}: they meet only in the voice bundle" for a, b in STRANGERS if b in reach(packages, a)]
    told += [
        f"{package} reaches itself: a cycle of packages" for package in packages if package in reach(packages, package)
    ]
    told += [f"{module} reaches itself: a cycle of modules" for module in files if module in reach(at_once, module)]
    return told


def package_of(module: str) -> str:
    """`training` of `ganray.training.loop`; an empty text for `ganray` itself."""
    return module.split(".")[1] if "." in module else ""


def reach(graph: Mapping[str, set[str]], start: str) -> set[str]:
    """All that can be reached from `start`, which itself is in it only when there is a way back."""
    found: set[str] = set()
    waiting = list(graph.get(start, ()))
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += graph.get(node, ())
    return found


def test_arrows_run_downward_only():
    files = sources(ROOT)
    assert len(files) > 30
    assert violations(files) == []


def test_every_package_has_its_place():
    packages = {path.name for path in (ROOT / "ganray").iterdir() if (path / "__init__.py").exists()}
    assert packages == set(RANK) - {"errors", "__main__"}


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"ganray.config.a": "import ganray.audio.mel"}, "arrows run downward only"),
        ({"ganray.audio.a": "def f():\n    from ganray.gan.step import GanStep"}, "arrows run downward only"),
        ({"ganray.voice.a": "from ganray.training import train"}, "arrows run downward only"),
        ({"ganray.training.a": "from ..cli import main", "ganray.training": ""}, "arrows run downward only"),
        ({"ganray.errors": "from ganray import config", "ganray.config": ""}, "arrows run downward only"),
        ({"ganray.gan.a": "import ray.train"}, "imports ray"),
        ({"ganray.data.a": "class C:\n  def f(self):\n    if 1:\n      from ray import data"}, "imports ray"),
        ({"ganray.models.a": "import importlib\nimportlib.import_module('ray.train')"}, "imports ray"),
        ({"ganray.config.a": "def f():\n    import torch"}, "imports torch"),
        ({"ganray.cli.a": "import torch"}, "before it is needed"),
        ({"ganray.cli.a": "from ganray.training import train"}, "before it is needed"),
        ({"ganray.serving.a": "def f():\n    import ganray.training.loop"}, "meet only in the voice bundle"),
        (
            {"ganray.serving.a": "import ganray.evaluating.b", "ganray.evaluating.b": "import ganray.training"},
            "meet only in the voice bundle",
        ),
        (
            {"ganray.audio.a": "import ganray.text.b", "ganray.text.b": "def f():\n    import ganray.audio.c"},
            "a cycle of packages",
        ),
        ({"ganray.audio.a": "from ganray.audio.b import x", "ganray.audio.b": "from .a import y"}, "cycle of modules"),
    ],
)
def test_every_forbidden_arrow_is_seen(files, told):
    assert any(told in violation for violation in violations(files)), violations(files)


@pytest.mark.parametrize(
    "files",
    [
        {"ganray.tuning.a": "import ray\nfrom ganray.training import train\nfrom ganray.errors import DataError"},
        {"ganray.cli.a": "import click\ndef command():\n    import torch\n    from ganray.training import train"},
        {
            "ganray.models": "from ganray.models.a import x",
            "ganray.models.a": "from ganray.models import b",
            "ganray.models.b": "",
        },
    ],
)
def test_allowed_arrows_pass(files):
    assert violations(files) == []
