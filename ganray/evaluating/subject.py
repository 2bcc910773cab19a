"""What is to be judged, a voice or a folder of clips, and on which clips. Here alone they are told apart."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ganray.config.bundled import BUNDLED, located
from ganray.data import Dataset, Split
from ganray.data.storage import is_remote, place
from ganray.errors import DataError, UsageError
from ganray.evaluating.folder import SUFFIXES, Alone, Folder, Matched, is_folder_of_clips
from ganray.gan.run import Run
from ganray.voice import Voice
from ganray.voice.exported import chosen_step, export
from ganray.voice.reader import CARD


def voice_folder(subject: str, step: str | int = "best") -> str:
    """The folder that `subject` means, absolute, as workers have another working directory.

    Args:
        subject: Folder of a voice, of clips or of a run; a run's URI; or the name of a voice that comes with ganray.
        step: Of a run: `best`, `last` or a checkpoint's. It becomes a voice in the run's folder; in the working
            directory, of a run in storage.

    Raises:
        DataError: The run can't be read, or has no such checkpoint.
        UsageError: The step is none of these.
    """
    path = located(subject).absolute()
    if is_remote(place(subject)) or (path / "run.yaml").is_file():
        path = _voice_of(Run.open(subject), step)
    return str(path)


def _voice_of(run: Run, step: str | int) -> Path:
    chosen = chosen_step(run, step)
    folder = (Path.cwd() if run.away else run.path.absolute()) / f"{run.path.name}-{chosen}"
    card = folder / CARD
    # After a rollback a step may have another checkpoint than the one that this was made of.
    if card.is_file() and not run.away and card.stat().st_mtime < run.checkpoint(chosen).stat().st_mtime:
        shutil.rmtree(folder)
    if not card.is_file():
        export(run.where, folder, chosen, graphs=False)
    return folder


@dataclass(frozen=True)
class Subject:
    """What is judged, on what.

    Attributes:
        voice: A voice, or what stands for one.
        dataset: Where the recordings are; None: there are none.
        clips: Those that are judged.
    """

    voice: Voice | Folder
    dataset: Dataset | None
    clips: Split | Matched | Alone


def opened(folder: str, dataset: str | None, split: str) -> Subject:
    """A voice and a split; a folder of clips and those of a split that it has files for; or such a folder alone.

    Args:
        folder: As `voice_folder` gives it.
        dataset: Its folder or URI; None: none.
        split: Name of the split.

    Raises:
        AudioContractError: Voice and dataset disagree.
        DataError: One of them can't be opened, or no file bears the name of a clip.
        UsageError: A voice is to be judged without recordings.
    """
    path = Path(folder)
    files = not (path / CARD).is_file() and is_folder_of_clips(path)
    if not files and path.is_dir() and not (path / CARD).is_file():
        raise DataError(f"no voice at {folder}, and no clips: there is no {CARD}, nor a file {', '.join(SUFFIXES)}")
    voice = None if files else Voice.load(folder)
    if dataset is None:
        if voice is not None:
            raise UsageError("a voice is judged on recordings", mend="give --data DATASET, made by ganray prepare")
        alone = Folder(folder)
        return Subject(alone, None, Alone(alone))
    found = Dataset.open(dataset)
    if voice is None:
        clips = Folder(folder, found.audio)
        return Subject(clips, found, clips.matched(found.split(split)))
    voice.audio.must_equal(found.audio, ours=f"voice {folder}", theirs=f"dataset {dataset}")
    return Subject(voice, found, found.split(split))


def report_folder(folder: str, split: str) -> Path:
    """Where the report of a voice lies: beside it, or here where it comes with ganray."""
    path = Path(folder)
    beside = Path.cwd() if path.parent == BUNDLED.absolute() else path.parent
    return beside / "reports" / f"{path.name}-{split}"
