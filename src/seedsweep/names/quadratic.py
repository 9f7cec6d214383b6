"""DeepOBS' quadratic problem, by the names that never change."""

from seedsweep.problem.deepobs import Points, Quadratic

__all__ = ["Points", "Quadratic"]
