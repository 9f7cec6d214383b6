"""Options at the same setting, and each at its best."""

import pandas as pd
import pytest
from shared.scores import SEEDS, runs

from seedsweep.comparison import intervals
from seedsweep.comparison.compare import compare
from seedsweep.comparison.question import BEST


def test_each_at_its_best_is_chosen_by_validation_and_compared_by_test() -> None:
    table = runs({("sgd", 0.1): 1.0, ("sgd", 1.0): 0.5, ("adam", 0.1): 0.4, ("adam", 1.0): 0.9})
    comparison = compare(table)
    (best,) = comparison.best
    rows = best.table.set_index("option")
    assert (best.metric, rows["setting"].to_dict()) == ("test/loss", {"adam": "lr=0.1", "sgd": "lr=1"})
    chosen = (table["optimizer"] == "sgd") & (table["optimizer.lr"] == 1)
    assert rows.loc["sgd", "selected"] == pytest.approx(table.loc[chosen, "val/loss"].mean())
    assert rows.loc["sgd", "mean"] == pytest.approx(table.loc[chosen, "test/loss"].mean())
    assert rows["choices"].tolist() == [1, 1], "no other rate could have been the best"
    assert rows.loc["sgd", "finished"] == SEEDS
    verdict = comparison.verdicts[0]
    assert (verdict.question, verdict.kind, verdict.winner, verdict.setting) == (BEST, "wins", "adam", "lr=0.1")
    shown = "adam wins: adam at lr=0.1 beats sgd at each of its two rates, the closest by 0.1"
    assert verdict.sentence.startswith(shown)
    (both,) = comparison.remarks
    assert both.sentence.startswith("The two questions have different answers: sgd wins at lr=1; yet adam wins")


def test_choosing_among_cells_that_could_lead_widens_the_limits() -> None:
    """Four equal cells: whichever leads was lucky."""
    table = runs({("sgd", rate): 1.0 for rate in (0.1, 0.2, 0.3, 0.4)} | {("adam", 0.1): 0.5})
    (best,) = compare(table).best
    sgd = best.table.set_index("option").loc["sgd"]
    assert sgd["choices"] == 4
    losses = table.loc[(table["optimizer"] == "sgd") & ("lr=" + table["optimizer.lr"].map(str) == sgd["setting"])]
    assert sgd["mean_high"] == pytest.approx(intervals.mean(losses["test/loss"], 1 - 0.05 / 4).high)


def test_data_sets_are_compared_each_for_itself() -> None:
    levels = {("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}
    iris, wine = runs(levels, data="iris"), runs(levels, data="wine")
    wine["run"] = "w" + wine["run"]
    comparison = compare(pd.concat([iris, wine], ignore_index=True))
    assert [pairwise.problem for pairwise in comparison.same] == ["iris", "wine"]


def test_params_of_the_data_can_be_swept() -> None:
    levels = {("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}
    sizes = [runs(levels, data="iris").assign(**{"data.batch_size": size}) for size in (16, 64)]
    table = pd.concat(
        [table_of_size.assign(run=table_of_size["run"] + str(index)) for index, table_of_size in enumerate(sizes)]
    )
    assert [pairwise.name for pairwise in compare(table).same] == ["batch_size=16", "batch_size=64"]
