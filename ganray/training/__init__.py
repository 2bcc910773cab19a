"""Data-parallel training on Ray Train."""

from ganray.training.train import TrainResult, resume, train

__all__ = ["TrainResult", "resume", "train"]
