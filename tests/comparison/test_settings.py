"""Options at the same setting, and each at its best."""

import numpy as np
import pandas as pd
import pytest
from shared.scores import SEEDS, runs, sentences

from seedsweep.comparison.compare import compare
from seedsweep.comparison.verdicts import BOTH


def test_each_at_its_best_chooses_on_one_half_and_claims_on_the_other() -> None:
    table = runs({("sgd", 0.1): 1.0, ("sgd", 1.0): 0.5, ("adam", 0.1): 0.5, ("adam", 1.0): 0.9})
    comparison = compare(table)
    (best,) = comparison.best
    rows = best.table.set_index("option")
    assert (best.metric, rows["setting"].to_dict()) == ("test/loss", {"sgd": "lr=1", "adam": "lr=0.1"})
    chosen = (table["optimizer"] == "sgd") & (table["optimizer.lr"] == 1)
    assert rows.loc["sgd", "selected"] == pytest.approx(table.loc[chosen, "val/loss"].mean())
    assert rows.loc["sgd", "mean"] == pytest.approx(table.loc[chosen, "test/loss"].mean())
    assert rows.loc["sgd", "optimism"] == pytest.approx(0)  # the same choice on both halves
    assert rows.loc["sgd", "finished"] == SEEDS
    both, gaps = sentences(comparison, BOTH)
    assert gaps.startswith("Tuning makes the gaps vanish: from the first to the last it is 0.0")
    assert both.startswith("The two questions have different answers: adam at lr=0.1; sgd at lr=1")
    assert "adam and sgd cannot be told apart" in both


def test_each_half_judges_the_choice_of_the_other() -> None:
    """Each rate is better on the seeds of one half: what is chosen there is worse on the other."""
    table = runs({("sgd", 0.1): 1.0, ("sgd", 1.0): 1.0, ("adam", 0.1): 2.0, ("adam", 1.0): 2.0}, noise=0.001)
    lucky = (table["seed"] % 2 == 0) == (table["optimizer.lr"] == 0.1)
    table["val/loss"] += np.where(lucky, -0.5, 0.5)
    (best,) = compare(table).best
    sgd = best.table.set_index("option").loc["sgd"]
    assert sgd["setting"] == "lr=0.1 or lr=1"
    assert [sgd[name] for name in ("selected", "again", "optimism")] == pytest.approx([0.5, 1.5, 1.0], abs=0.01)
    assert sgd["finished"] == SEEDS


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
