"""A comparison of a sweep of the notebook's data, and of the docs' example."""

import re
from collections.abc import Callable

import pandas as pd
import pytest
from shared.commands import BANKNOTE, ROOT, Ended, needs_banknote
from shared.scores import runs

import seedsweep
from seedsweep.comparison.compare import compare
from seedsweep.errors import ConfigError


@needs_banknote
def test_notebook_sweep_finds_that_tuning_makes_the_gaps_vanish(train: Callable[..., Ended]) -> None:
    rates = "optimizer.lr=0.001,0.01,0.1,0.316,1,3.16,10"
    sweep = ("-cd", str(ROOT / "sweeps"), "-cn", "notebook", f"data.path={BANKNOTE}", rates, "seed=range(0,50)")
    assert train(*sweep).code == 0
    comparison = compare(seedsweep.load_runs("latest"), seedsweep.load_curves("latest"), metric="train/loss")
    order = next(pairwise for pairwise in comparison.same if pairwise.name == "lr=0.01").table
    names = [name.removeprefix("keras_") for name in order["option"]]
    assert names[:2] + names[-2:] == ["rmsprop", "adam", "sgd", "adagrad"]
    assert set(names[2:4]) == {"momentum", "nesterov"}
    assert order["rank"].tolist() == [1, 2, 3, 3, 5, 6]
    means = order.set_index("option")["mean"]
    expected = {"keras_rmsprop": 0.154, "keras_adam": 0.222, "momentum": 0.396, "sgd": 0.452, "keras_adagrad": 0.659}
    for name, value in expected.items():
        assert means[name] == pytest.approx(value, abs=0.06)
    (best,) = comparison.best
    assert best.table["mean"].max() - best.table["mean"].min() < 0.006
    assert best.table["mean"].max() < 0.04
    assert "Tuning makes the gaps vanish" in comparison.remarks[-1].sentence


def test_python_of_the_docs_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "comparing.md").read_text(), re.DOTALL)
    exec(compile(code, "comparing.md", "exec"), {})
    assert "adam wins: it beats sgd by 0." in capsys.readouterr().out


def test_names_of_runs_may_be_anything_without_curves() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5})
    expected = compare(table).verdicts
    assert compare(table.assign(run="same")).verdicts == expected
    assert compare(table.drop(columns="run")).verdicts == expected
    curves = pd.DataFrame({"run": ["same"], "metric": ["val/loss"], "step": [1], "epoch": [0], "value": [1.0]})
    with pytest.raises(ConfigError, match="^run=same: is the name of two runs"):
        compare(table.assign(run="same"), curves)
