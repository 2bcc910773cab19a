"""Corpora in, datasets out of their folders."""

from ganray.data.corpus import Corpus, Recording, fold, read_corpus, read_ids
from ganray.data.dataset import Dataset
from ganray.data.split import Clip, Split

__all__ = ["Clip", "Corpus", "Dataset", "Recording", "Split", "fold", "read_corpus", "read_ids"]
