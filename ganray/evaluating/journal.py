"""What has been judged so far: an evaluation that was killed goes on where it was."""

import base64
import hashlib
import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from ganray.evaluating.scorer import ClipScores, Failure, Sound

NAME = ".judged.jsonl"


class Journal:
    """One line a clip, written when it is judged; taken up again only by the very same evaluation.

    Args:
        folder: Of the report.
        what: All that the scores depend on.
    """

    def __init__(self, folder: Path, what: dict[str, Any]) -> None:
        self.path = folder / NAME
        self.key = hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:16]
        self._made = not folder.exists()

    def read(self) -> dict[int, ClipScores]:
        """Index → scores of what was judged before."""
        try:
            lines = self.path.read_text(encoding="utf-8").split("\n")
        except OSError:
            return {}
        found: dict[int, ClipScores] = {}
        if lines[0] != self.key:
            return found
        for line in lines[1:-1]:  # what stands after the last end of a line was cut off
            entry = json.loads(line)
            index = entry.pop("index")
            found[index] = _from(entry)
        return found

    def begin(self, found: dict[int, ClipScores]) -> None:
        """Start writing, behind what was found."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f"{NAME}.{os.getpid()}")
        with open(beside, "w", encoding="utf-8") as file:
            file.write(self.key + "\n")
            file.writelines(_line(index, scores) for index, scores in found.items())
        beside.replace(self.path)

    def note(self, index: int, scores: ClipScores) -> None:
        """A clip is judged."""
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(_line(index, scores))

    def close(self, *, done: bool) -> None:
        """Stop writing; an evaluation that is done leaves no journal."""
        if done:
            self.path.unlink(missing_ok=True)
            if self._made and not any(self.path.parent.iterdir()):
                self.path.parent.rmdir()


def _line(index: int, scores: ClipScores) -> str:
    embedded = {row: [_packed(one) for one in its] for row, its in scores.embedded.items()}
    entry = asdict(replace(scores, embedded={})) | {"index": index, "embedded": embedded}
    for sound in entry["sounds"].values():
        sound |= {key: base64.b64encode(sound[key]).decode() for key in ("audio", "picture")}
    return json.dumps(entry) + "\n"


def _from(entry: dict[str, Any]) -> ClipScores:
    entry["failures"] = [Failure(**failure) for failure in entry["failures"]]
    entry["sounds"] = {
        row: Sound(**sound | {key: base64.b64decode(sound[key]) for key in ("audio", "picture")})
        for row, sound in entry["sounds"].items()
    }
    entry["embedded"] = {row: [_unpacked(*one) for one in its] for row, its in entry["embedded"].items()}
    return ClipScores(**entry)


def _packed(vectors: np.ndarray) -> tuple[int, str]:
    return len(vectors), base64.b64encode(vectors.astype("<f2").tobytes()).decode()


def _unpacked(num: int, text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f2").reshape(num, -1)
