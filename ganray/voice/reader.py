"""Opening a voice to read text, as lightly as it can be done."""

from pathlib import Path
from typing import Any

from ganray.config import read_yaml
from ganray.config.bundled import located
from ganray.errors import ConfigError, DataError, UsageError
from ganray.text import front_end
from ganray.voice.speech import Speaker

CARD = "voice.yaml"
SCHEMA_VERSION = 1
MEND = "make a voice with: ganray export RUN --out VOICE"


def read_card(path: Path) -> dict[str, Any]:
    """What a voice says of itself.

    Raises:
        DataError: There is no voice, or it is damaged, or of a newer ganray, or of another front-end.
    """
    if not (path / CARD).is_file():
        raise DataError(f"no voice at {path}: there is no {CARD}", mend=MEND)
    try:
        card = read_yaml(path / CARD)
    except ConfigError as error:
        raise DataError(f"the voice at {path} is damaged: {error}", mend=MEND) from error
    if card.get("schema_version") != SCHEMA_VERSION:
        raise DataError(
            f"the voice at {path} has another schema_version",
            got=card.get("schema_version"),
            want=SCHEMA_VERSION,
            mend="update ganray, or export the voice again",
        )
    lacking = [key for key in ("name", "kind", "audio", "generator") if key not in card]
    if lacking:
        raise DataError(f"the voice at {path} is damaged: {CARD} has no {lacking[0]}", mend=MEND)
    if card["kind"] == "text":
        want = card["front_end"]
        here = front_end(want["name"]).version
        if here != want["version"]:
            raise DataError(
                f"the voice at {path} was trained with another version of the front-end {want['name']}",
                got=here,
                want=want["version"],
                mend="use the ganray (and misaki) that it was exported with, or train it again",
            )
    return card


def open_reader(voice: str | Path, num_threads: int = 0) -> Speaker:
    """A voice that reads text: without torch where it holds graphs, which takes a third of the time and memory.

    Args:
        voice: Its folder, or its name where it comes with ganray.
        num_threads: How many compute; 0: one a core.

    Raises:
        DataError: There is none, or it is damaged, or of a newer ganray.
        UsageError: It reads no text.
    """
    path = located(voice)
    card = read_card(path)
    if card["kind"] != "text":
        raise UsageError(f"voice {card['name']} is of kind {card['kind']}: it can't read text", mend="use a text voice")
    if "onnx" in card:
        from ganray.voice.portable import PortableEngine

        return Speaker(PortableEngine(path, card, num_threads), front_end(card["generator"]["front_end"]))
    import torch

    from ganray.voice.bundle import Voice

    if num_threads:
        torch.set_num_threads(num_threads)
    return Voice.load(path).must_speak()
