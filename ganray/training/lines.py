"""Files of one JSON document a line, each with its step; steps that turn out not to have happened are cut off."""

import json
from pathlib import Path
from typing import Any


class Lines:
    """A `.jsonl` file that is open for more.

    Args:
        path: The file; made where there is none.
        step: Lines of later steps are cut off first: they belong to a part of the run that was lost.
    """

    def __init__(self, path: Path, step: int) -> None:
        if path.is_file():
            lines = [line for line in path.read_text(encoding="utf-8").splitlines() if _step_of(line) <= step]
            beside = path.with_name(f".{path.name}")
            beside.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            beside.rename(path)
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - closed in close()

    @staticmethod
    def read(path: Path) -> list[dict[str, Any]]:
        """All whole lines of a file; none where there is no file."""
        if not path.is_file():
            return []
        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if _step_of(line) < float("inf")]

    def write(self, step: int, document: dict[str, Any]) -> None:
        """One line more."""
        self._file.write(json.dumps({"step": step, **document}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Nothing may be written afterwards."""
        self._file.close()


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):
        return float("inf")  # half a line, from a kill
