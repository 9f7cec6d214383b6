"""From Hydra's overrides to Optuna's search spaces and back: the same values, of the same types."""

import random
import warnings
from collections.abc import Sequence
from itertools import product
from typing import Any

import optuna
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from seedsweep import ConfigError
from seedsweep.search.differences import describe, difference
from seedsweep.search.points import grid
from seedsweep.search.spaces import SearchSpace, as_overrides, read_space

PARSER = OverridesParser.create()
TEXTS = ["1", "1e-3", "true", "NULL", "nan", "-inf", "", " a ", "a,b", "it's", 'say "x"', "\\", "\\'", "a\\", "a\\\\'"]
TEXTS += ["${seed}", "[1]", "{a:1}", "f(x)", "a=b", "a:b", "~", "adam", "2layers", "he_normal", "é", "a\tb", "x/y.csv"]


def read(*overrides: str, **given: Any) -> SearchSpace:
    return read_space(PARSER.parse_overrides(list(overrides)), **given)


def only(text: str) -> BaseDistribution:
    return read(f"x={text}").distributions["x"]


def values_of(overrides: Sequence[str]) -> dict[str, Any]:
    return {override.get_key_element(): override.value() for override in PARSER.parse_overrides(list(overrides))}


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and repr(one) == repr(other)


def refused(*overrides: str, **given: Any) -> str:
    with pytest.raises(ConfigError) as error:
        read(*overrides, **given)
    return str(error.value)


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


STARTS = [0, 1, -7, 0.1, 0.3, -0.3, 1e-4]
STOPS = [0, 3, 10, 0.4, 0.7, 0.9, -1.5]
STEPS = [1, 3, -4, 2.0, 0.1, 0.3, 0.07, -0.1, -0.25, 1 / 15]


@pytest.mark.parametrize("step", STEPS)
def test_range_has_exactly_the_values_that_hydra_sweeps(step: float) -> None:
    for start, stop in product(STARTS, STOPS):
        (override,) = PARSER.parse_overrides([f"x=range({start},{stop},{step!r})"])
        swept = sorted(override.sweep_iterator())
        if not swept:
            assert "is empty" in refused(str(override.input_line))
            continue
        searched = read_space([override])
        distribution, listed = searched.distributions["x"], sorted(grid(searched.distributions)["x"])
        assert all(distribution._contains(distribution.to_internal_repr(value)) for value in listed)
        written = [as_overrides({"x": value}, searched) for value in listed]
        assert written == [[f"x={value!r}"] for value in swept]


def test_hydra_may_sweep_the_end_of_a_range_of_floats() -> None:
    searched = read("x=range(0,0.4,0.1)", "y=range(0,0.9,0.3)")
    assert searched.floats == {"x": (0.0, 0.1, 0.2, 0.3, 0.4), "y": (0.0, 0.3, 0.6, 0.8999999999999999)}
    assert grid(searched.distributions) == {"x": [0.0, 0.1, 0.2, 0.3, 0.4], "y": [0.0, 0.3, 0.6, 0.9]}


@pytest.mark.parametrize("name", ["RandomSampler", "TPESampler", "GridSampler"])
def test_hydra_reads_every_value_that_is_drawn_as_it_is(name: str) -> None:
    asked = ["seed=range(0,3)", "+lr=tag(log, range(1,4))", "a=range(0.1,0.7,0.2)", "b=range(1,0,-0.1)"]
    asked += ["c=null,true,1.5,2,'2',adam", "d=range(0,0.2,0.06666666666666667)", "e=choice(1e-05,1e22,-inf)"]
    if name != "GridSampler":
        asked += ["f=interval(0,1e-5)", "g=tag(log,interval(1e-9,1))", "h=int(interval(-5,5))"]
    searched = read(*asked)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    given = {"search_space": grid(searched.distributions)} if name == "GridSampler" else {}
    study = optuna.create_study(sampler=getattr(optuna.samplers, name)(seed=0, **given))
    for _ in range(25):
        trial = study.ask(searched.distributions)
        values = values_of(as_overrides(trial.params, searched))
        assert values.keys() == trial.params.keys()
        for key, value in trial.params.items():
            if key in searched.floats:
                assert values[key] in searched.floats[key]
                assert values[key] == pytest.approx(value, abs=1e-12)
            else:
                assert same(values[key], value)
        study.tell(trial, trial.params["a"] + trial.params["b"])


@pytest.mark.parametrize("text", TEXTS)
def test_text_is_quoted_where_hydra_would_read_something_else(text: str) -> None:
    (override,) = as_overrides({"x": text}, read())
    assert values_of([override]) == {"x": text}


def test_random_texts_are_read_as_they_are() -> None:
    draw = random.Random(0)
    for _ in range(300):
        text = "".join(draw.choices("ab1.-_/\\\\''\"\" ,=:()[]{}$%*@?|~+é\t", k=draw.randrange(8)))
        assert values_of(as_overrides({"x": text}, read())) == {"x": text}


def test_texts_are_written_plainly_where_that_is_the_same() -> None:
    params = {"optimizer": "keras_adam", "data.path": "a/b.csv", "x": "1", "y": 1e-05, "z": None, "on": True}
    assert as_overrides(params, read()) == [
        *("optimizer=keras_adam", "data.path=a/b.csv", "x='1'", "y=1e-05", "z=null", "on=true"),
    ]


def test_config_group_takes_a_quoted_option(tmp_path: Any) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "2layers.yaml").write_text("depth: 2\n")
    (tmp_path / "main.yaml").write_text("seed: 0\n")
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        overrides = as_overrides({"+net": "2layers", "seed": 1e-05}, read())
        assert overrides == ["+net='2layers'", "seed=1e-05"]
        assert compose("main", overrides) == {"seed": 1e-05, "net": {"depth": 2}}


def test_fixed_values_stay_as_they_were_given_and_where() -> None:
    searched = read("model={a: 1, b: 'x'}", "+model.c=interval(0,1)", "~data", "++y= ${seed}", "z=", "~w=1")
    assert searched.fixed == {"model": "{a: 1, b: 'x'}", "~data": None, "++y": " ${seed}", "z": "", "~w": "1"}
    assert list(searched.distributions) == ["+model.c"]
    assert as_overrides({"+model.c": 0.5, "mine": 1}, searched) == [
        *("model={a: 1, b: 'x'}", "+model.c=0.5", "~data", "++y= ${seed}", "z=", "~w=1", "mine=1"),
    ]


def test_command_line_comes_before_params() -> None:
    params = {"a": "interval(0,1)", "+b": "1,2", "c": 3, "d": None, "e": True, "f": "range(3)", "g": "[1,2]"}
    searched = read("a=5", "b=interval(0,2)", "~f", params=params)
    assert searched.distributions == {"b": FloatDistribution(0, 2)}
    assert searched.fixed == {"c": "3", "d": "null", "e": "true", "g": "[1,2]", "a": "5", "~f": None}
    assert as_overrides({"b": 1.0}, searched) == ["c=3", "d=null", "e=true", "g=[1,2]", "a=5", "b=1.0", "~f"]


def test_deleted_option_may_be_searched_anew() -> None:
    searched = read("~optimizer", "+optimizer=adam,sgd")
    assert as_overrides({"+optimizer": "sgd"}, searched) == ["~optimizer", "+optimizer=sgd"]


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


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("x=interval(1,0)", "x=interval(1,0): is empty: it begins at 1.0, above its end 0.0"),
        ("+x=interval(0,inf)", "+x=interval(0,inf): must have finite ends"),
        ("x=interval(nan,1)", "must have finite ends"),
        ("x=range(0,inf)", "must have finite ends"),
        ("x=range(0,1,nan)", "must have finite ends"),
        ("x=range(5,5)", "is empty: there is no value from 5 to before 5 by 1"),
        ("x=range(0,1,-0.1)", "is empty"),
        ("x=range(0,5,0)", "a finite step other than 0"),
        ("x=int(range(0,1,0.5))", "a finite step other than 0"),
        ("x=range(0,1e6,0.5)", "has more than 1,000,000 values: write interval(…)"),
        ("x=shuffle(range(0,10000000))", "has more than 1,000,000 values"),
        ("x=tag(log,interval(0,1))", "has no logarithm at 0.0: with log, both ends must be above 0"),
        ("x=tag(log,int(interval(-1,1)))", "has no logarithm at -1"),
        ("x=tag(log,range(0,5))", "has no logarithm at 0"),
        ("x=tag(log,range(1,9,2))", "has both log and a step, which Optuna cannot search"),
        ("x=tag(log,range(1,2,0.1))", "has both log and a step"),
        ("x=tag(log,shuffle(range(1,5)))", "has both log and a step"),
        ("x=int(tag(log,range(1,5)))", "loses its tag"),
        ("x=tag(log,choice(1,10))", "has no logarithm"),
        ("x=tag(Log,interval(1,2))", "x=tag(Log,interval(1,2)): has the tag Log: only log is known"),
        ("x=tag(log,fine,interval(1,2))", "has the tag fine"),
        ("x=[1],[2]", "has [1] as a choice, where Optuna takes strings, numbers, booleans and null"),
        ("x=choice({a:1},{a:2})", "has {'a': 1} as a choice"),
        ("x=1,interval(0,1)", "as a choice"),
        ("x=1,1.0", "has the choices 1 and 1.0, which are one to Optuna: give each once"),
        ("x=a,a", "give each once"),
        ("x=1,true", "has the choices 1 and True"),
        ("x=[interval(0,1)]", "has a search within a list or a mapping"),
        ("x={a:{b:glob(*)}}", "has a search within a list or a mapping"),
        ("x=glob(*)", "cannot be searched: ConfigLoader is not set"),
        ("~x=1,2", "a search cannot delete"),
    ],
)
def test_what_cannot_be_searched_is_refused(override: str, message: str) -> None:
    assert message in refused(override)
    key, text = override.split("=", 1)
    assert refused(params={key: text}) == refused(override)


def test_key_given_twice_is_refused() -> None:
    assert refused("x=1,2", "y=1", "+x=3") == "x=3: is given twice, also as x=1,2"
    assert "is given twice" in refused(params={"x": "1,2", "++x": "3"})


def test_params_that_are_no_text_are_refused() -> None:
    assert refused(params={"optimizer": {"lr": "interval(0,1)"}}).startswith("hydra.sweeper.params.optimizer={'lr'")
    with pytest.raises(HydraException, match="Error parsing override 'x=interval\\(1\\)'"):
        read(params={"x": "interval(1)"})


def test_param_suggested_beside_the_space_cannot_be_fixed_too() -> None:
    with pytest.raises(ConfigError, match=r"x=3: is fixed by an override, and suggested for a trial, too"):
        as_overrides({"x": 1}, read("+x=3"))


def test_value_that_is_not_of_the_range_is_left_as_it_is() -> None:
    assert as_overrides({"x": 0.25}, read("x=range(0,1,0.1)")) == ["x=0.25"]


def test_grid_has_all_values() -> None:
    space = read("x=int(interval(1,3))", "y=a,null", "z=tag(log,range(1,3))", "w=interval(1,1)").distributions
    assert grid(space) == {"x": [1, 2, 3], "y": ["a", None], "z": [1, 2], "w": [1.0]}


def test_grid_of_an_interval_is_refused() -> None:
    with pytest.raises(ConfigError) as error:
        grid(read("x=tag(log, interval(1e-4,1))").distributions)
    assert str(error.value) == (
        "x=0.0001 to 1.0 (log): cannot be searched by a grid, which needs values: write range(…) or choice(…)"
    )


LEGACY = {
    "a": ({"type": "int", "low": 1, "high": 10.0}, IntDistribution(1, 10)),
    "b": ({"type": "int", "low": 0, "high": 10, "step": 3}, IntDistribution(0, 9, step=3)),
    "c": ({"type": "int", "low": 1, "high": 10, "log": True, "step": 1}, IntDistribution(1, 10, log=True)),
    "d": ({"type": "float", "low": 1, "high": 2}, FloatDistribution(1, 2)),
    "e": ({"type": "float", "low": 1e-4, "high": 2, "log": True}, FloatDistribution(1e-4, 2, log=True)),
    "f": ({"type": "float", "low": 0, "high": 1, "step": 0.3}, FloatDistribution(0, 0.9, step=0.3)),
    "g": ({"type": "categorical", "choices": ["a", 1, None]}, CategoricalDistribution(["a", 1, None])),
}


def test_legacy_search_space_is_read_with_a_warning() -> None:
    legacy = {key: entry for key, (entry, _) in LEGACY.items()}
    with pytest.warns(FutureWarning, match=r"search_space is deprecated: write hydra\.sweeper\.params"):
        searched = read("g=1", "+d=3,4", legacy=legacy)
    assert searched.distributions == {
        **{key: expected for key, (_, expected) in LEGACY.items() if key not in "dg"},
        "+d": CategoricalDistribution([3, 4]),
    }
    assert searched.fixed == {"g": "1"}


def test_legacy_search_space_is_ignored_beside_params() -> None:
    with pytest.warns(FutureWarning, match=r"search_space is deprecated, and ignored beside hydra\.sweeper\.params"):
        assert list(read(params={"x": "1,2"}, legacy={"y": {"type": "unknown"}}).distributions) == ["x"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"type": "uniform", "low": 0, "high": 1}, "its type must be one of int, float, categorical"),
        ({"low": 0, "high": 1}, "its type must be one of"),
        ("interval(0,1)", "must be a mapping with some of type, low, high, log, step, choices"),
        ({"type": "int", "minimum": 0}, "must be a mapping with some of"),
        ({"type": "int", "low": 0}, "must have numbers"),
        ({"type": "int", "low": 0.5, "high": 3}, "has fractions"),
        ({"type": "float", "low": "0", "high": 3}, "must have numbers"),
        ({"type": "float", "low": 0, "high": float("inf")}, "must have numbers"),
        ({"type": "float", "low": 4, "high": 3}, "is empty"),
        ({"type": "float", "low": 1, "high": 3, "step": 1, "log": True}, "has both log and a step"),
        ({"type": "int", "low": 1, "high": 3, "step": 0}, "must have a step above 0"),
        ({"type": "float", "low": 0, "high": 1e9, "step": 0.1}, "has more than 1,000,000 values"),
        ({"type": "categorical"}, "has no choices"),
        ({"type": "categorical", "choices": [[1], [2]]}, "has [1] as a choice"),
    ],
)
def test_wrong_legacy_entry_is_refused(entry: Any, message: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = refused(legacy={"x": entry})
    assert text.startswith(f"hydra.sweeper.search_space.x={entry}: ")
    assert message in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tag(log, interval(1e-4,10))", "0.0001 to 10.0 (log)"),
        ("int(interval(1,10))", "1 to 10"),
        ("range(0,10,3)", "0 to 9 by 3"),
        ("range(0,1,0.1)", "0.0 to 0.9 by 0.1"),
        ("adam,'1',1,null", "adam or '1' or 1 or null"),
    ],
)
def test_distribution_is_described_in_words(text: str, words: str) -> None:
    assert describe(only(text)) == words


def test_difference_has_a_line_for_each_key_that_is_searched_otherwise() -> None:
    old = read("a=interval(0,1)", "b=1,2", "c=tag(log,interval(1e-4,10))", "d=a,b").distributions
    new = read("d=b,a", "a=interval(0,1)", "c=interval(1e-3,1)", "e=range(3)").distributions
    assert difference(old, new) == [
        "b: removed, was 1 or 2",
        "c: was 0.0001 to 10.0 (log), is 0.001 to 1.0",
        "d: was a or b, is b or a",
        "e: added, is 0 to 2",
    ]
    assert difference(old, dict(reversed(old.items()))) == []


@pytest.mark.parametrize(
    "text", ["range(0,1,0.1)", "range(1,0,-0.1)", f"range(0,1,{1 / 15})", "range(10,0,-3)", "1,'1',null"]
)
def test_space_survives_its_storage(text: str) -> None:
    stored = optuna.distributions.distribution_to_json(only(text))
    assert difference({"x": only(text)}, {"x": optuna.distributions.json_to_distribution(stored)}) == []
