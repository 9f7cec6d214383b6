"""The data sets of `conf/data`, and what one of your own derives from, by the names that never change."""

from seedsweep.problem.datasets import Dataset, Labelled, ScikitLearn, Table
from seedsweep.problem.files import File, OpenML

__all__ = ["Dataset", "File", "Labelled", "OpenML", "ScikitLearn", "Table"]
