"""The score of a run, and which runs are independent of each other."""

import numpy as np
import pandas as pd
import pytest
from shared.scores import runs, sentences

from seedsweep.comparison.compare import compare
from seedsweep.comparison.scores import score_runs
from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric
from seedsweep.outcomes import Point, RunResult, objective


@pytest.mark.parametrize("select", ["last", "best", "auc"])
@pytest.mark.parametrize("metric", ["val/loss", "val/accuracy"])
def test_scores_are_the_objectives_of_the_runs(select: str, metric: str) -> None:
    generator = np.random.default_rng(0)
    table = runs({("sgd", 0.1): 1.0}, seeds=3)
    points = {run: generator.random(4).tolist() for run in table["run"]}
    rows = [(run, metric, 5 * step, step, value) for run, values in points.items() for step, value in enumerate(values)]
    curves = pd.DataFrame(rows, columns=["run", "metric", "step", "epoch", "value"])
    scores = score_runs(table, curves, Metric(metric), select, "optimizer", ())["score"]
    for run, score in zip(table["run"], scores, strict=True):
        result = RunResult("finished", [Point(metric, 5 * step, step, value) for step, value in enumerate(points[run])])
        assert score == pytest.approx(objective(result, metric, select))


def test_crossed_seeds_are_no_independent_replicates() -> None:
    """All variance is of the initialization: five of them, not 25."""
    generator, rows = np.random.default_rng(0), []
    for name in ("sgd", "adam"):
        for init, level in enumerate(generator.normal(size=5)):
            rows += [
                {
                    "run": f"{name}{init}{order}",
                    "optimizer": name,
                    "init_seed": init,
                    "order_seed": order,
                    "val/loss": level,
                }
                for order in range(5)
            ]
    comparison = compare(pd.DataFrame(rows))
    assert comparison.same[0].pairs["seeds"].tolist() == [5]
    assert "5 seeds cannot decide between 2 options" in sentences(comparison, "at the same setting")[0]
    assert any("5 of init count as replicates, not 25" in diagnostic.sentence for diagnostic in comparison.diagnostics)
    assert comparison.groups["planned"].tolist() == [25, 25]


def test_curve_that_ends_in_nan_has_diverged() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}, seeds=6).drop(columns="outcome")
    rows = [(run, "val/loss", step, step, 0.5 if step < 2 else np.nan) for run in table["run"] for step in range(3)]
    curves = pd.DataFrame(rows, columns=["run", "metric", "step", "epoch", "value"])
    assert compare(table, curves).groups["diverged"].tolist() == [6, 6]


def test_results_beside_the_metric_and_repeated_indices_do_no_harm() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}).rename(columns={"test/loss": "seconds"})
    parts = [table[table["optimizer"] == name].reset_index(drop=True) for name in ("sgd", "adam")]
    assert compare(pd.concat(parts)).same[0].table["option"].tolist() == ["adam", "sgd"]


def test_direction_of_a_metric_is_known_by_its_name() -> None:
    table = runs({("sgd", 0.1): 0.8, ("adam", 0.1): 0.6}).rename(columns={"val/loss": "f1", "test/loss": "speed"})
    assert compare(table, metric="f1", at=[]).same[0].table["option"].tolist() == ["sgd", "adam"]
    with pytest.raises(ConfigError, match="is it better when larger or smaller"):
        compare(table, metric="speed")
