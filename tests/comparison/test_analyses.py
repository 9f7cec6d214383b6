"""Time to target, tunability, and where the variance comes from."""

import numpy as np
import pandas as pd
import pytest
from shared.scores import runs

from seedsweep.comparison.compare import compare


def test_time_to_target_is_censored_where_it_was_not_reached() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}, seeds=4)
    curves = []
    for index, run in enumerate(table["run"]):  # the first three of adam reach it, at steps 1, 2 and 3
        values = np.ones(5)
        if index in (4, 5, 6):
            values[index - 3 :] = 0
        curves += [(run, "val/loss", step, step, value) for step, value in enumerate(values)]
    frame = pd.DataFrame(curves, columns=["run", "metric", "step", "epoch", "value"])
    times = compare(table, frame, target=0.5).times
    adam, sgd = (times[times["option"] == name] for name in ("adam", "sgd"))
    assert adam["reached"].max() == 0.75
    assert adam["median"].iloc[0] == 2
    assert sgd["reached"].max() == 0
    assert sgd["median"].iloc[0] == np.inf


def test_runs_that_diverged_before_the_first_point_never_reach_the_target() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}, seeds=10)
    lost = (table["optimizer"] == "adam") & (table["seed"] < 6)
    table.loc[lost, ["outcome", "val/loss"]] = "diverged", np.nan
    rows = [(run, "val/loss", 1, 0, 0.1) for run in table.loc[~lost, "run"]]
    curves = pd.DataFrame(rows, columns=["run", "metric", "step", "epoch", "value"])
    times = compare(table, curves, target=0.5).times
    assert times.loc[times["option"] == "adam", "reached"].max() == pytest.approx(0.4)


def test_tunability_falls_with_the_budget() -> None:
    rates = (0.01, 0.1, 1.0)
    levels = {("sgd", rate): level for rate, level in zip(rates, (1.0, 0.8, 0.5), strict=True)}
    levels |= {("adam", rate): 0.7 for rate in rates}
    comparison = compare(runs(levels, noise=0)).tunability.set_index(["option", "budget"])
    assert comparison.loc[("adam", 1), "expected"] == pytest.approx(0.7)
    assert comparison.loc[("sgd", 3), "expected"] == pytest.approx(0.5)
    assert (
        comparison.loc[("sgd", 1), "expected"]
        > comparison.loc[("sgd", 2), "expected"]
        > comparison.loc[("sgd", 3), "expected"]
    )
    assert comparison.loc[("sgd", 3), "best"] == 1
    assert comparison.loc[("sgd", 1), "best"] == pytest.approx(1 / 3, abs=0.05)


def test_variance_is_shared_between_the_two_seeds() -> None:
    rows = [
        {"run": f"{name}{i}{o}", "optimizer": name, "init_seed": i, "order_seed": o, "val/loss": float(i)}
        for name in ("sgd", "adam")
        for i in range(4)
        for o in range(3)
    ]
    shares = compare(pd.DataFrame(rows)).shares.set_index("group")
    assert shares.loc["sgd", ["init", "order", "interaction"]].tolist() == [1, 0, 0]
