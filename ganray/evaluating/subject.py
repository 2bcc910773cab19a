"""What is to be judged: a voice folder. This is the one place that turns a run into one."""

from pathlib import Path

from ganray.errors import UsageError
from ganray.voice.reader import BUNDLED, located


def voice_folder(subject: str) -> str:
    """The voice folder that `subject` means, absolute, as workers have another working directory.

    `subject` is a folder, or the name of a voice that comes with ganray.

    Raises:
        UsageError: It is a run that has not been exported.
    """
    path = located(subject).absolute()
    if (path / "run.yaml").is_file():
        raise UsageError(
            f"{subject} is a run, not a voice", mend=f"export it first: ganray export {subject} --out VOICE"
        )
    return str(path)


def report_folder(folder: str, split: str) -> Path:
    """Where the report of a voice lies: beside it, or here where it comes with ganray."""
    path = Path(folder)
    beside = Path.cwd() if path.parent == BUNDLED.absolute() else path.parent
    return beside / "reports" / f"{path.name}-{split}"
