"""An override of Hydra is the distribution that it means."""

from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from shared.spaces import only, read, same

from seedsweep import ConfigError
from seedsweep.search.spaces import read_space


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ("interval(0,1)", FloatDistribution(0.0, 1.0)),
        ("interval(1,100)", FloatDistribution(1.0, 100.0)),
        ("interval(start=0.5,end=0.5)", FloatDistribution(0.5, 0.5)),
        ("int(interval(1,100))", IntDistribution(1, 100)),
        ("float(interval(1,100))", FloatDistribution(1.0, 100.0)),
        ("tag(log, interval(1e-4,10))", FloatDistribution(1e-4, 10.0, log=True)),
        ("tag(log, int(interval(1, 100)))", IntDistribution(1, 100, log=True)),
        ("int(tag(log, interval(1, 100)))", IntDistribution(1, 100, log=True)),
        ("tag(log, range(1,8))", IntDistribution(1, 7, log=True)),
        ("tag(log, int(range(8.0,1.0,-1)))", IntDistribution(2, 8, log=True)),
        ("range(3)", IntDistribution(0, 2)),
        ("range(1,10,3)", IntDistribution(1, 7, step=3)),
        ("range(0,10,5)", IntDistribution(0, 5, step=5)),
        ("range(10,0,-3)", IntDistribution(1, 10, step=3)),
        ("range(0,1000000000000)", IntDistribution(0, 999999999999)),
        ("range(0,1,0.25)", FloatDistribution(0.0, 0.75, step=0.25)),
        ("range(1,0,-0.1)", FloatDistribution(0.1, 1.0, step=0.1)),
        ("float(range(1,10,3))", FloatDistribution(1.0, 7.0, step=3.0)),
        ("int(range(1.5,10.5,3.5))", IntDistribution(1, 7, step=3)),
        ("shuffle(range(3))", CategoricalDistribution([0, 1, 2])),
        ("shuffle(range(0,1,0.5))", CategoricalDistribution([0.0, 0.5])),
        ("sort(range(0,10,3))", IntDistribution(0, 9, step=3)),
        ("adam,sgd", CategoricalDistribution(["adam", "sgd"])),
        ("choice(adam,sgd)", CategoricalDistribution(["adam", "sgd"])),
        ("choice(adam)", CategoricalDistribution(["adam"])),
        ("sort(3,1,2)", CategoricalDistribution([1, 2, 3])),
        ("shuffle(b,a)", CategoricalDistribution(["b", "a"])),
        ("null,true,2,0.5,a,'3'", CategoricalDistribution([None, True, 2, 0.5, "a", "3"])),
        ("float(1,2)", CategoricalDistribution([1.0, 2.0])),
        ("int(tag(x, choice('1','2')))", CategoricalDistribution([1, 2])),
    ],
)
def test_override_is_the_distribution_that_hydra_means(text: str, distribution: BaseDistribution) -> None:
    read = only(text)
    assert read == distribution
    assert same(list(vars(read).items()), list(vars(distribution).items()))


class Loader:
    def get_group_options(self, group: str, results_filter: Any = None) -> list[str]:
        return ["adam", "sgd", "sgd_slow"] if group == "optimizer" else []


def test_glob_chooses_among_the_options_of_a_group() -> None:
    parser = OverridesParser.create(config_loader=Loader())  # type: ignore[arg-type]
    expected = {"optimizer": CategoricalDistribution(["sgd", "sgd_slow"])}
    assert read_space(parser.parse_overrides(["optimizer=glob(sgd*)"])).distributions == expected
    assert read(params={"optimizer": "glob(sgd*)"}, parser=parser).distributions == expected
    with pytest.raises(ConfigError, match="matches no option"):
        read_space(parser.parse_overrides(["seed=glob(*)"]))
