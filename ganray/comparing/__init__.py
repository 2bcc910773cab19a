"""Recipes at equal budgets: which is worth its compute."""

from ganray.comparing.compare import Comparison, compare, resume

__all__ = ["Comparison", "compare", "resume"]
