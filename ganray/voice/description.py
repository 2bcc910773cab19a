"""What a voice says of itself, without being loaded."""

import hashlib
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganray.config import AudioConfig
from ganray.config.bundled import located
from ganray.errors import DataError
from ganray.voice.reader import CARD, MEND, read_card

WEIGHTS = "generator.safetensors"


@dataclass(frozen=True)
class Description:
    """Enough to know what can be asked of a voice.

    Attributes:
        path: Its folder.
        name: As its card says.
        kind: `text`, `mel` or `noise`.
        audio: The audio contract.
        digest: Of card and weights: two voices of one digest make the same sound.
        num_weights: How many numbers its weights are.
        created: When it was written, in Unix seconds.
        scores: Held-out scores of the checkpoint that it was made from.
        speakers: That it tells apart; none of a voice with one.
        languages: The same.
        styles: The same.
        portable: Whether it can be computed without torch.
    """

    path: Path
    name: str
    kind: str
    audio: AudioConfig
    digest: str
    num_weights: int
    created: int
    scores: dict[str, Any] = field(default_factory=dict)
    speakers: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    portable: bool = False


def describe(voice: str | Path) -> Description:
    """Read a voice's card, and the head of its weights.

    Raises:
        DataError: There is none, or it is damaged, or of a newer ganray.
        AudioContractError: Its audio contract can't be read.
    """
    path = located(voice)
    card = read_card(path)
    weights = path / WEIGHTS
    try:
        content = weights.read_bytes()
        head = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        shapes = [entry["shape"] for name, entry in head.items() if name != "__metadata__"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"the voice at {path} is damaged: {error}", mend=MEND) from error
    digest = hashlib.sha256((path / CARD).read_bytes() + content).hexdigest()[:16]
    generator = card["generator"]
    return Description(
        path,
        card["name"],
        card["kind"],
        AudioConfig.from_document(card["audio"]),
        digest,
        sum(math.prod(shape) for shape in shapes),
        int(weights.stat().st_mtime),
        (card.get("origin") or {}).get("scores") or {},
        tuple(generator.get("speakers") or ()),
        tuple(generator.get("languages") or ()),
        tuple(generator.get("styles") or ()),
        "onnx" in card,
    )
