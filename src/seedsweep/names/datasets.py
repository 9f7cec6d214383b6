"""The data sets of `conf/data`, and what one of your own derives from, by the names that never change."""

from seedsweep.problem.datasets import Dataset, File, Labelled, OpenML, ScikitLearn, Table

__all__ = ["Dataset", "File", "Labelled", "OpenML", "ScikitLearn", "Table"]
