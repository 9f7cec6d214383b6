"""The schedules of `conf/schedule` that are ours, by the names that never change."""

from seedsweep.engine.warmup import WarmupCosine

__all__ = ["WarmupCosine"]
