"""Every YAML in the repository is found, wherever it lies, and is sound by its own schema."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ganray.config import load, read_yaml
from ganray.config.cluster import ClusterConfig, cluster_rules
from ganray.errors import ConfigError

ROOT = Path(__file__).parent.parent


def check_recipe(path: Path) -> None:
    from ganray.models import load_run

    assert load_run(path).name == path.stem, "a recipe in the box is called as its file"


def check_sweep(path: Path) -> None:
    from ganray.tuning import load_sweep

    assert load_sweep(path)[0].name == path.stem


def check_service(path: Path) -> None:
    from ganray.serving.document import read

    read(path)


def check_cluster(path: Path) -> None:
    load(ClusterConfig, path, rules=cluster_rules)


def check_pipeline(path: Path) -> None:
    from ganray.config.pipeline import PipelineConfig, pipeline_rules

    load(PipelineConfig, path, rules=pipeline_rules)


def check_voice(path: Path) -> None:
    from ganray.voice import Voice

    Voice.load(path.parent)


def check_rendered(path: Path) -> None:
    from tests.provisioning.schema import check

    check(path)


KINDS: dict[str, Callable[[Path], object]] = {
    "ganray/recipes": check_recipe,
    "tune_configs": check_sweep,
    "serve": check_service,
    "cluster/rendered": check_rendered,
    "cluster/pipelines": check_pipeline,
    "cluster": check_cluster,
}
"""Folder → how what is in it is checked. A YAML anywhere else must be listed below."""
OTHERS: dict[str, Callable[[Path], object]] = {
    ".pre-commit-config.yaml": read_yaml,
    "ganray/voices/english/voice.yaml": check_voice,
}


def ignored(root: Path) -> list[str]:
    """Patterns of .gitignore, and git's own folder."""
    file = root / ".gitignore"
    lines = file.read_text().splitlines() if file.exists() else []
    return [".git/", *(line.strip() for line in lines if line.strip() and not line.startswith("#"))]


def yaml_files(root: Path) -> Iterator[Path]:
    """Every YAML under `root` that is not ignored, as a path relative to it."""
    patterns = ignored(root)
    at_top = {pattern.strip("/") for pattern in patterns if pattern.startswith("/")}
    anywhere = [pattern.strip("/") for pattern in patterns if not pattern.startswith("/")]
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        folders[:] = [
            name
            for name in folders
            if str(here / name) not in at_top and not any(Path(name).match(pattern) for pattern in anywhere)
        ]
        yield from (here / name for name in sorted(files) if name.endswith((".yaml", ".yml")))


def kind_of(path: Path) -> str:
    """The folder whose check a file gets, or its own name where it is listed by itself.

    Raises:
        LookupError: Nobody said what it is.
    """
    if str(path) in OTHERS:
        return str(path)
    for folder in KINDS:
        if str(path).startswith(f"{folder}/"):
            return folder
    raise LookupError(f"{path}: nobody said what kind of YAML this is; add it to tests/test_yaml_files.py")


FILES = list(yaml_files(ROOT))


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_yaml_is_sound(path):
    (KINDS | OTHERS)[kind_of(path)](ROOT / path)


@pytest.mark.parametrize("kind", [*KINDS, *OTHERS])
def test_some_of_every_kind_were_found(kind):
    assert [path for path in FILES if kind_of(path) == kind]


def test_files_are_found_at_any_depth_and_ignored_ones_are_not(tmp_path):
    for name in ("a.yaml", "b/c/d/e.yml", "runs/run.yaml", ".venv/x.yaml", "b/__pycache__/y.yaml", "b/runs/kept.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a: 1\n")
    (tmp_path / ".gitignore").write_text("__pycache__/\n.venv/\n/runs/\n")
    assert {str(path) for path in yaml_files(tmp_path)} == {"a.yaml", "b/c/d/e.yml", "b/runs/kept.yaml"}


def test_a_yaml_of_no_known_kind_is_noticed():
    with pytest.raises(LookupError, match="nobody said"):
        kind_of(Path("docs/new.yaml"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_misspelt_key_is_noticed_in_every_kind(kind, tmp_path):
    source = next(path for path in FILES if kind_of(path) == kind)
    copy = tmp_path / source.name
    copy.write_text((ROOT / source).read_text() + "\nmisspelt_kei: 1\n")
    with pytest.raises(ConfigError, match="misspelt_kei"):
        KINDS[kind](copy)
