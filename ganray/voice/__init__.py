"""The voice: what is portable, and how it speaks."""

from ganray.voice.bundle import Voice, save_voice

__all__ = ["Voice", "save_voice"]
