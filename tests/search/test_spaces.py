"""From Hydra's overrides to a space and back: the same values, of the same types."""

import optuna
import pytest
from hydra.errors import HydraException
from optuna.distributions import FloatDistribution
from shared.spaces import read, refused, same, values_of

from seedsweep import ConfigError
from seedsweep.search.points import grid
from seedsweep.search.spaces import as_overrides


@pytest.mark.parametrize("name", ["RandomSampler", "TPESampler", "GridSampler"])
def test_hydra_reads_every_value_that_is_drawn_as_it_is(name: str) -> None:
    asked = ["seed=range(0,3)", "+lr=tag(log, range(1,4))", "a=range(0.1,0.7,0.2)", "b=range(1,0,-0.1)"]
    asked += ["c=null,true,1.5,2,'2',adam", "d=range(0,0.2,0.06666666666666667)", "e=choice(1e-05,1e22,-inf)"]
    if name != "GridSampler":
        asked += ["f=interval(0,1e-5)", "g=tag(log,interval(1e-9,1))", "h=int(interval(-5,5))"]
    searched = read(*asked)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    options = {"search_space": grid(searched.distributions)} if name == "GridSampler" else {}
    study = optuna.create_study(sampler=getattr(optuna.samplers, name)(seed=0, **options))
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
