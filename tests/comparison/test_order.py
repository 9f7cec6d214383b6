"""What is said does not depend on the order that runs are given in, nor on how they and their seeds are named."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from shared.generated import case
from shared.scores import runs

from seedsweep.comparison.compare import compare


def said(table: pd.DataFrame, **question: object) -> tuple[str, ...]:
    """All the sentences of a comparison, in their order."""
    comparison = compare(table, **question)
    shown = [comparison.headline, *(verdict.sentence for verdict in comparison.verdicts)]
    shown += [remark.sentence for remark in comparison.remarks]
    return (*shown, *(": ".join(diagnostic) for diagnostic in comparison.diagnostics))


def shuffled(table: pd.DataFrame, times: int) -> Iterator[pd.DataFrame]:
    """The table with its rows and columns in another order, and other names of its runs."""
    draw = np.random.default_rng(0)
    for _ in range(times):
        mixed = table.sample(frac=1, random_state=draw.integers(2**31))
        mixed = mixed[list(draw.permutation(list(mixed)))]
        yield mixed.assign(run=[f"run{name}" for name in draw.permutation(len(mixed))])


def with_exact_ties(*rates: float) -> pd.DataFrame:
    """Two options that are the same at each rate, and all rates the same; and a third with a diverged run."""
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 1.02}, seeds=8)
    alike = [table.assign(**{"optimizer.lr": rate}) for rate in rates]
    twins = [table[table["optimizer"] == "sgd"].assign(optimizer="twin") for table in alike]
    table = pd.concat([*alike, *twins], ignore_index=True)
    last = table.index[table["optimizer"] == "adam"][-1]
    table.loc[last, ["outcome", "val/loss", "test/loss"]] = "diverged", np.nan, np.nan
    return table.assign(run=[str(index) for index in range(len(table))])


@pytest.mark.slow
def test_rows_columns_and_names_of_runs_in_200_orders_give_one_set_of_sentences() -> None:
    table = with_exact_ties(0.1)
    assert len({said(other) for other in shuffled(table, 200)} | {said(table)}) == 1


def test_order_makes_no_difference_where_cells_are_exactly_the_same() -> None:
    table = with_exact_ties(0.1, 1.0)
    assert len({said(other) for other in shuffled(table, 10)} | {said(table)}) == 1


@pytest.mark.parametrize("number", range(100, 106))
def test_order_of_generated_runs_makes_no_difference(number: int) -> None:
    table, question = case(number)
    assert len({said(other, **question) for other in shuffled(table, 2)} | {said(table, **question)}) == 1


def test_runs_without_names_are_ordered_too() -> None:
    table = with_exact_ties(0.1).drop(columns="run")
    assert said(table.iloc[::-1]) == said(table)
    scored = compare(table.iloc[::-1]).runs
    assert (scored["option"].to_numpy() == table["optimizer"].iloc[::-1].iloc[scored["run"].astype(int)]).all()


def test_seeds_by_other_numbers_give_the_same_sentences() -> None:
    table = runs({("sgd", 0.1): 1.0, ("sgd", 1.0): 0.9, ("adam", 0.1): 0.95}, seeds=16, noise=0.3)
    numbers = np.random.default_rng(0).permutation(16) + 100
    assert said(table.assign(seed=numbers[table["seed"]])) == said(table)
