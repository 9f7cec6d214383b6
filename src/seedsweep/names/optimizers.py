"""The optimizers of `conf/optimizer` that need a maker of ours, by the names that never change."""

from seedsweep.engine.muon import muon

__all__ = ["muon"]
