"""The voice: what is portable, and how it speaks.

`Voice`, `export` and `save_voice` need torch, and are imported with their first use; `open_reader` does without it.
"""

from typing import TYPE_CHECKING, Any

from ganray.config.bundled import located
from ganray.voice.delivery import Delivery
from ganray.voice.reader import open_reader
from ganray.voice.speech import Block, Speech, SpokenWord

if TYPE_CHECKING:
    from ganray.voice.bundle import Voice, save_voice
    from ganray.voice.exported import export

__all__ = [
    "Block",
    "Delivery",
    "Speech",
    "SpokenWord",
    "Voice",
    "export",
    "located",
    "open_reader",
    "save_voice",
]


def __getattr__(name: str) -> Any:
    if name in ("Voice", "save_voice"):
        from ganray.voice import bundle

        return getattr(bundle, name)
    if name == "export":
        from ganray.voice.exported import export

        return export
    raise AttributeError(f"module {__name__} has no attribute {name}")
