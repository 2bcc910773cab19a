"""The command line, called as a shell would."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from ganray.cli import main


@dataclass(frozen=True)
class Called:
    """What a command gave back."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        return json.loads(self.out)


@pytest.fixture
def ganray(capsys) -> Callable[..., Called]:
    """`ganray("recipes", "list")`: exit code, stdout and stderr."""

    def call(*arguments: Any) -> Called:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Called(int(ended.value.code or 0), captured.out, captured.err)

    return call
