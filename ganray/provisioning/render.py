"""From the one cluster config to the files that Ray's launcher, Kubernetes, Docker and Slurm read.

Rendering looks at nothing but its arguments: the same config gives the same bytes everywhere.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganray.config.cluster import ClusterConfig
from ganray.provisioning import kuberay, launcher, plain
from ganray.provisioning.written import written


def render(cluster: ClusterConfig, service: Mapping[str, Any], source: str) -> dict[str, str]:
    """Every file of a cluster.

    Args:
        cluster: The config.
        service: The Serve config of the service, checked.
        source: What to call the config in the files' headers.

    Returns:
        {file name: text}.
    """
    providers = cluster.providers
    files = {"Dockerfile": plain.dockerfile(cluster)}
    if providers.aws:
        files["aws.yaml"] = written(launcher.aws(cluster, providers.aws))
    if providers.gcp:
        files["gcp.yaml"] = written(launcher.gcp(cluster, providers.gcp))
    if providers.rack:
        files["local.yaml"] = written(launcher.rack(cluster, providers.rack))
    if providers.kubernetes:
        documents = kuberay.documents(cluster, providers.kubernetes, service)
        files |= {name: written(*found) for name, found in documents.items()}
    if providers.slurm:
        files["slurm.sh"] = plain.slurm(cluster, providers.slurm)
    return {name: _headed(text, source) for name, text in sorted(files.items())}


def _headed(text: str, source: str) -> str:
    header = f"# Rendered from {source} by `ganray cluster render`: change that file and render again.\n"
    first, newline, rest = text.partition("\n")
    return first + newline + header + rest if first.startswith("#!") else header + text


def differences(files: Mapping[str, str], folder: Path) -> list[str]:
    """Names of the files in `folder` that are missing, other than rendered, or rendered no more."""
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    changed = [name for name, text in files.items() if name not in there or (folder / name).read_text() != text]
    return sorted({*changed, *(there - set(files))})


def write(files: Mapping[str, str], folder: Path) -> None:
    """Write the files beside and rename them. Nothing else in the folder is touched."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        beside = folder / f".{name}.new"
        beside.write_text(text, encoding="utf-8")
        beside.replace(folder / name)
