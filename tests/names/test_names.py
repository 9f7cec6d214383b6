"""The names that configurations, keys and weights have recorded lead to their classes, wherever these are."""

from importlib import import_module

import pytest
from hydra.utils import get_object

NAMES = [
    "seedsweep.model.LogisticRegression",
    "seedsweep.model.SoftmaxRegression",
    "seedsweep.model.MLP",
    "seedsweep.datasets.ScikitLearn",
    "seedsweep.datasets.OpenML",
    "seedsweep.datasets.File",
    "seedsweep.quadratic.Points",
    "seedsweep.quadratic.Quadratic",
    "seedsweep.wilcoxon.WilcoxonSeedsPruner",
    "seedsweep.schedules.WarmupCosine",
    "seedsweep.optimizers.muon",
    "seedsweep.run_all",
]


@pytest.mark.parametrize("name", NAMES)
def test_recorded_names_are_still_there(name: str) -> None:
    assert callable(get_object(name))


@pytest.mark.parametrize("name", NAMES[:-1])
def test_classes_are_imported_by_their_recorded_names(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert getattr(import_module(module), attribute) is get_object(name)
