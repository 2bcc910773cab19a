"""The best, the median and the worst trial to hear, on the same clips: with their names, and blind."""

from pathlib import Path

import soundfile

from ganray.audio import read
from ganray.blind.heard import ab_of
from ganray.metrics.page import Clip, Players, Take
from ganray.tuning.board import Board, Row


def players(board: Board) -> list[Players]:
    """Their newest sounds of the clips that all of them said; nothing where their runs left none."""
    rows = {name: (row, _last_samples(Path(row.run) / "samples")) for name, row in _contestants(board).items()}
    rows = {name: its for name, its in rows.items() if its[1]}
    shared = set.intersection(*(set(sounds) for _, sounds in rows.values())) if rows else set()
    clips = []
    for clip in sorted(shared):
        takes = []
        for name, (row, sounds) in rows.items():
            length = soundfile.info(str(sounds[clip])).duration
            score = f"{board.metric} {row.scores[board.metric]:.3f}"
            takes.append(Take(f"{name}: trial {row.id}", sounds[clip].read_bytes(), "audio/wav", length, note=score))
        clips.append(Clip(clip, "", takes))
    note = "Each trial's newest validation, on the same held-out clips; who was stopped early, as it was then."
    return [Players("Listen", clips, note=note)] if clips else []


def blind_test(board: Board, folder: Path) -> Path | None:
    """Write an A/B test of those trials, each once, and of what was confirmed beside the recipe's own values if it was.

    Returns:
        Its page; None where fewer than two trials left sounds of a clip.
    """
    rows = {f"trial {row.id}": row for row in _contestants(board).values()}
    confirmed = board.tried("confirm")
    own = next((one for one in confirmed if not one.config), None)
    if own is not None and confirmed[0] is not own:
        rows = {"the best, confirmed": confirmed[0].rows[0], "the recipe's own values": own.rows[0]}
    sounds = {
        name: {clip: read(path) for clip, path in _last_samples(Path(row.run) / "samples").items()}
        for name, row in rows.items()
    }
    sounds = {name: its for name, its in sounds.items() if its}
    ab_of(sounds, folder, title="Which do you prefer?")
    page = folder / "index.html"
    return page if page.is_file() else None


def _contestants(board: Board) -> dict[str, Row]:
    """The best, the median and the worst trial of the search; fewer where there are fewer."""
    ranked = sorted(
        (r for r in board.rows if board.metric in r.scores and r.part == "search"),
        key=lambda r: board.sign * r.scores[board.metric],
    )
    if len(ranked) < 3:
        return dict(zip(("best", "worst"), ranked, strict=False))
    return {"best": ranked[0], "median": ranked[len(ranked) // 2], "worst": ranked[-1]}


def _last_samples(folder: Path) -> dict[str, Path]:
    """Clip → the newest sound that a run left of it: files are called step-STEP-CLIP.wav."""
    return {path.stem.split("-", 2)[2]: path for path in sorted(folder.glob("step-*-*.wav"))}
