"""What is to be judged: a voice folder. This is the one place that turns a run into one."""

from pathlib import Path

from ganray.errors import UsageError


def voice_folder(subject: str) -> str:
    """The voice folder that `subject` means, absolute, as workers have another working directory.

    Raises:
        UsageError: It is a run that has not been exported.
    """
    path = Path(subject).absolute()
    if (path / "run.yaml").is_file():
        raise UsageError(
            f"{subject} is a run, not a voice", mend=f"export it first: ganray export {subject} --out VOICE"
        )
    return str(path)
