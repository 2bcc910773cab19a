"""Voices that come with ganray, by their names."""

from pathlib import Path

BUNDLED = Path(__file__).parent.parent / "voices"


def located(voice: str | Path) -> Path:
    """The folder of a voice that is given by its path, or by its name where it comes with ganray."""
    path, ours = Path(voice), BUNDLED / str(voice)
    return ours if not path.exists() and path.name == str(voice) and ours.is_dir() else path
