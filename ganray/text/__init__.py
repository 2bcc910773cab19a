"""Text → sentences → words → phonemes, offline."""

from ganray.text.contract import FrontEnd
from ganray.text.lexicon import read_lexicon
from ganray.text.registry import front_end, names
from ganray.text.sentences import Span, Splitter, split_sentences
from ganray.text.utterance import Prosody, Sentence, Utterance, Word

__all__ = [
    "FrontEnd",
    "Prosody",
    "Sentence",
    "Span",
    "Splitter",
    "Utterance",
    "Word",
    "front_end",
    "names",
    "read_lexicon",
    "split_sentences",
]
