"""The pruner that compares seeds in pairs, by the name that never changes."""

from seedsweep.search.wilcoxon import WilcoxonSeedsPruner

__all__ = ["WilcoxonSeedsPruner"]
