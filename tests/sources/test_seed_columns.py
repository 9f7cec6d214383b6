"""Which columns are the seeds."""

from pathlib import Path

import pandas as pd
import pytest
from shared.foreign import answer, prepare, results, written

from seedsweep.errors import ConfigError
from seedsweep.sources.column_names import names_fold, names_seed
from seedsweep.sources.seed_columns import chosen_seeds


@pytest.mark.parametrize(
    "name",
    [
        *("seed", "random_state", "random_seed", "rng_seed", "seed_everything", "run_seed", "model.seed", "init_seed"),
        *("trainer/seed", "RandomSeed", "model__random_state", "rng"),
    ],
)
def test_names_of_seeds_are_known(name: str) -> None:
    assert names_seed(name)


@pytest.mark.parametrize("name", ["fold", "split_seed", "n_seeds", "seeds_count", "loss", "used", "state"])
def test_other_names_are_not_taken_for_seeds(name: str) -> None:
    assert not names_seed(name)


def test_a_fold_is_no_seed() -> None:
    assert names_fold("cv_fold")
    with pytest.raises(
        ConfigError, match="fold is a fold, which is no seed: runs of several folds share training rows"
    ):
        chosen_seeds(pd.DataFrame({"fold": [0, 1], "loss": [1.0, 2.0]}), None, ["fold"])


def test_without_a_seed_the_columns_are_listed(tmp_path: Path) -> None:
    path = written(results().rename(columns={"random_state": "number"}), tmp_path)
    with pytest.raises(
        ConfigError, match=r"seeds=null: which column is the seed\? .* optim, lr, number, loss, accuracy"
    ):
        prepare(path)
    assert answer(path, seeds=["number"]).verdicts[0].winner == "adam"


def test_seeds_that_stand_one_to_one_are_one_seed(tmp_path: Path) -> None:
    table = results()
    ready = prepare(written(table.assign(torch_seed=table["random_state"] + 100), tmp_path))
    assert "seeds: random_state (guessed: its name), 8 of them" in ready.lines
    assert ready.question["at"] == ["lr"]
    assert len(ready.runs) == len(table)


def test_runs_are_averaged_over_folds(tmp_path: Path) -> None:
    folds = pd.concat([results().assign(fold=fold) for fold in range(4)])
    folds["loss"] += folds["fold"] / 10
    path = written(folds, tmp_path)
    ready = prepare(path)
    averaged = "runs are averaged over fold, so that 8 of random_state count"
    assert f"seeds: random_state (guessed: its name), 8 of them; {averaged}" in ready.lines
    assert len(ready.runs) == len(results())
    plain = answer(written(results(), tmp_path, "plain.csv"))
    assert answer(path).groups["mean"].to_numpy() == pytest.approx(plain.groups["mean"].to_numpy() + 0.15)


def test_of_two_crossed_seeds_the_one_with_fewer_values_counts(tmp_path: Path) -> None:
    crossed = pd.concat([results().assign(data_seed=seed) for seed in range(3)])
    crossed["loss"] += crossed["data_seed"] / 100
    ready = prepare(written(crossed, tmp_path))
    assert ready.runs.groupby(["optim", "lr"]).size().tolist() == [3] * 4
    assert any("averaged over random_state, so that 3 of data_seed count" in line for line in ready.lines)


def test_our_crossed_seeds_are_treated_as_in_a_sweep(tmp_path: Path) -> None:
    crossed = pd.concat(
        [results().rename(columns={"random_state": "init_seed"}).assign(order_seed=k) for k in range(3)]
    )
    crossed["loss"] += crossed["order_seed"] / 100
    comparison = answer(written(crossed, tmp_path))
    assert {"init_seed and order_seed" in diagnostic.sentence for diagnostic in comparison.diagnostics} >= {True}
    assert len(comparison.shares)


def test_a_count_of_the_runs_is_a_seed_where_there_is_no_other(tmp_path: Path) -> None:
    path = written(results().rename(columns={"random_state": "rep"}), tmp_path)
    assert "seeds: rep (guessed: its name), 8 of them" in prepare(path).lines


def test_runs_without_a_seed_are_left_out_and_counted(tmp_path: Path) -> None:
    table = results().astype({"random_state": object})
    table.loc[:1, "random_state"] = ""
    assert "left out: 2 runs without a seed (random_state)" in prepare(written(table, tmp_path)).lines
