"""The voices of a service by their names: those of its config, and those in a folder that changes while it runs.

A new folder with a voice.yaml in it is a new voice; one that is replaced is loaded anew; nothing is restarted.
"""

import logging
import re
import time
from pathlib import Path

from ganray.config.bundled import located
from ganray.config.serve import VOICE_NAME, ServeConfig
from ganray.errors import GanrayError
from ganray.serving.bucket import folder_of
from ganray.voice.description import WEIGHTS, Description, describe
from ganray.voice.reader import CARD

log = logging.getLogger("ray.serve")
LOOK_EVERY_S = 1.0
Stamp = tuple[int, ...]


class Shelf:
    """See above.

    Args:
        config: Of the service.

    Raises:
        DataError: A voice of the config is missing or damaged; one in the folder is only left out, and logged.
    """

    def __init__(self, config: ServeConfig) -> None:
        self._fixed = {name: located(source) for name, source in config.voices.items()}
        self._folder = folder_of(config.shelf)
        self._known: dict[str, tuple[Stamp, Description | None]] = {}
        self._looked = -LOOK_EVERY_S
        for name, path in self._fixed.items():
            self._known[name] = _stamp(path), describe(path)
        self.voices()

    def voices(self) -> dict[str, Description]:
        """Every voice that can be asked for now, by its name."""
        if time.monotonic() - self._looked >= LOOK_EVERY_S:
            self._looked = time.monotonic()
            found = dict(self._found()) | self._fixed
            self._known = {name: self._look(name, path) for name, path in found.items()}
        return {name: voice for name, (_, voice) in self._known.items() if voice is not None}

    def _found(self) -> list[tuple[str, Path]]:
        try:
            inside = sorted(self._folder.iterdir()) if self._folder else []
        except OSError as error:
            log.error("the shelf %s cannot be read: %s", self._folder, error)
            return []
        return [(path.name, path) for path in inside if re.fullmatch(VOICE_NAME, path.name) and (path / CARD).is_file()]

    def _look(self, name: str, path: Path) -> tuple[Stamp, Description | None]:
        stamp = _stamp(path)
        known = self._known.get(name)
        if known and (known[0] == stamp or not stamp):
            return known
        try:
            return stamp, describe(path)
        except GanrayError as error:
            log.error("voice %s is left out: %s", name, error)
            return stamp, None


def _stamp(path: Path) -> Stamp:
    """Changes when the voice is another; empty while it is being replaced."""
    try:
        stats = [(path / name).stat() for name in (CARD, WEIGHTS)]
    except OSError:
        return ()
    return tuple(number for stat in stats for number in (stat.st_ino, stat.st_mtime_ns, stat.st_size))
