"""The data sets of `conf/data`, and what one of your own derives from, by the names that never change."""

from seedsweep.problem.arrays import Arrays
from seedsweep.problem.datasets import Dataset, Labelled, ScikitLearn, Table
from seedsweep.problem.files import File
from seedsweep.problem.openml import OpenML
from seedsweep.problem.torch_rows import TorchDataset

__all__ = ["Arrays", "Dataset", "File", "Labelled", "OpenML", "ScikitLearn", "Table", "TorchDataset"]
