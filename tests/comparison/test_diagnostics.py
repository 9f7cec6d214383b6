"""What a reader should know before believing a comparison."""

import pandas as pd
from shared.scores import runs

from seedsweep.comparison.compare import compare


def test_best_rate_at_the_edge_is_a_diagnostic_with_where_to_go() -> None:
    rates = (0.01, 0.1, 1.0)
    levels = {("sgd", rate): 1 - 0.1 * index for index, rate in enumerate(rates)}
    comparison = compare(
        runs(levels | {("adam", rate): level for rate, level in zip(rates, (0.9, 0.5, 0.8), strict=True)})
    )
    edges = [diagnostic for diagnostic in comparison.diagnostics if "that was swept" in diagnostic.sentence]
    assert [edge.sentence for edge in edges] == ["The best optimizer.lr is the largest that was swept for sgd (1)"]
    assert edges[0].remedy == "sweep it up to 100"


def test_unequal_seeds_and_searches_are_diagnostics() -> None:
    table = runs({("sgd", 0.1): 1.0, ("sgd", 1.0): 1.1, ("adam", 0.1): 0.5})
    sentences = [diagnostic.sentence for diagnostic in compare(table[:-3]).diagnostics]
    assert "The groups have from 17 to 20 seeds" in sentences
    assert "More settings were tried of sgd (2) than of adam (1)" in sentences


def test_momentum_worse_than_what_it_contains_is_a_diagnostic() -> None:
    levels = {("sgd", 0.1): 1.0, ("sgd", 1.0): 0.5, ("momentum", 0.1): 1.0, ("momentum", 1.0): 0.8}
    sentences = [diagnostic.sentence for diagnostic in compare(runs(levels)).diagnostics]
    assert "momentum at its best is worse than sgd, which it contains with momentum=0" in sentences


def test_curves_still_falling_are_diagnostics() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}, seeds=5)
    curves = [
        (run, "val/loss", step, step, 1 / (1 + step) if name == "sgd" else 0.1 + 0.9 * 0.1**step)
        for run, name in zip(table["run"], table["optimizer"], strict=True)
        for step in range(6)
    ]
    comparison = compare(table, pd.DataFrame(curves, columns=["run", "metric", "step", "epoch", "value"]))
    (falling,) = [diagnostic for diagnostic in comparison.diagnostics if "still getting better" in diagnostic.sentence]
    assert falling.sentence.endswith("with sgd")
