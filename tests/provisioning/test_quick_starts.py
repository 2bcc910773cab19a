"""Every command of `docs/cluster.md` says whether it was run, and those that start nothing are run here again."""

import re
import shlex
from pathlib import Path

import pytest

from ganray.cli import cli

ROOT = Path(__file__).parents[2]
PROFILES = {"laptop": "Laptop", "rack": "Rack", "aws": "AWS", "gcp": "GCP", "kubernetes": "Kubernetes"}
"""Profile → how its heading begins."""
MARK = re.compile(r"\s#\s*(run|not run here)\b")


def commands() -> list[tuple[str, str]]:
    """(heading, command with its comment) of every code block; what continues on the next line is one command."""
    found, heading, inside, begun = [], "", False, ""
    for line in (ROOT / "docs" / "cluster.md").read_text().splitlines():
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            heading = line.removeprefix("## ") if line.startswith("## ") else heading
        elif line.strip() and not line.startswith("#"):
            begun += line.removesuffix("\\").strip() + " " if line.endswith("\\") else line.strip()
            if not line.endswith("\\"):
                found.append((heading, begun))
                begun = ""
    return found


def of_profile(name: str) -> list[str]:
    return [command for heading, command in commands() if heading.startswith(PROFILES[name])]


def test_every_command_was_run_or_says_that_it_was_not():
    assert [command for _, command in commands() if not MARK.search(command)] == []
    assert {path.stem for path in (ROOT / "cluster").glob("*.yaml")} == {*PROFILES, "ganray"}


@pytest.mark.parametrize(
    ("profile", "run", "not_run"),
    [("laptop", 5, 0), ("rack", 7, 0), ("aws", 2, 4), ("gcp", 2, 4), ("kubernetes", 2, 8)],
)
def test_so_many_commands_of_each_quick_start_were_run(profile, run, not_run):
    """The figures move when a command does: then run it, or say that nobody did."""
    marks = [MARK.search(command)[1] for command in of_profile(profile)]
    assert (marks.count("run"), marks.count("not run here")) == (run, not_run)


@pytest.mark.parametrize("profile", PROFILES)
def test_what_starts_nothing_runs_and_writes_the_files_that_the_rest_reads(profile, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    ran = []
    for command in of_profile(profile):
        words = shlex.split(command, comments=True)
        if words[:2] == ["ganray", "cluster"] and words[2] in ("check", "plan", "render"):
            words = [word.replace("my-cluster", str(tmp_path / "my-cluster")) for word in words[1:]]
            assert not cli.main(words, standalone_mode=False), command
            ran.append(command)
    assert ran
    read = {name for command in of_profile(profile) for name in re.findall(r"my-cluster/(\S+)", command)}
    assert read <= {path.name for path in tmp_path.glob("my-cluster/*")}
