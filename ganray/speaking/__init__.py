"""Many texts become a corpus of speech, on a cluster."""

from ganray.speaking.batch import say_all
from ganray.speaking.texts import Text, read_texts

__all__ = ["Text", "read_texts", "say_all"]
