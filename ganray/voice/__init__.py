"""The voice: what is portable, and how it speaks."""

from ganray.voice.bundle import Voice, located, save_voice
from ganray.voice.delivery import Delivery
from ganray.voice.export import export
from ganray.voice.speech import Block, Speech, SpokenWord

__all__ = ["Block", "Delivery", "Speech", "SpokenWord", "Voice", "export", "located", "save_voice"]
