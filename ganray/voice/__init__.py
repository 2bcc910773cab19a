"""The voice: what is portable, and how it speaks."""

from ganray.voice.bundle import Voice, save_voice
from ganray.voice.export import export

__all__ = ["Voice", "export", "save_voice"]
