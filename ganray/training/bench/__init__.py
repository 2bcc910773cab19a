"""`ganray bench train`: how fast a recipe trains here, where the time goes, and what it is compared with."""

from ganray.training.bench.train import bench_train

__all__ = ["bench_train"]
