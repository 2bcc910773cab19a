"""ganray: train, tune and serve speech GANs on a Ray cluster.

recordings → `prepare` → dataset → `train` / `tune` → run → `export` → voice → `evaluate`, `say`, `serve`.
"""

__version__ = "0.1.0"
