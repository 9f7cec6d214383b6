"""Which runs are of the same data: never compared are those of two files, or of two versions of one."""

import pandas as pd
import pytest
from shared.scores import runs

from seedsweep.comparison.compare import compare
from seedsweep.comparison.named_values import option_labels
from seedsweep.comparison.problems import problems

LEVELS = {("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}


def of_data(*content: tuple[str, str, str]) -> pd.DataFrame:
    """Runs of two optimizers on each (name, path, fingerprint)."""
    tables = [
        runs(LEVELS, **{"data.name": name, "data.path": path, "fingerprint": fingerprint}).assign(
            run=lambda table, number=number: table["run"] + f" {number}"
        )
        for number, (name, path, fingerprint) in enumerate(content)
    ]
    return pd.concat(tables, ignore_index=True)


def known(table: pd.DataFrame) -> list[str]:
    """The problems of these runs."""
    names = problems(table)
    assert names is not None
    return list(names)


@pytest.mark.parametrize("has_fingerprint", [True, False])
def test_two_files_of_one_name_are_two_problems_each_with_its_verdict(has_fingerprint: bool) -> None:
    table = of_data(("train", "A/train.csv", "aaaa"), ("train", "B/train.csv", "bbbb"), ("wine", "wine.csv", "cccc"))
    comparison = compare(table if has_fingerprint else table.drop(columns="fingerprint"))
    assert comparison.question.at == []
    winners = {verdict.problem: verdict.winner for verdict in comparison.verdicts}
    expected = {"train (A/train.csv)": "adam", "train (B/train.csv)": "adam"}
    assert winners == expected | {"wine": "adam"}


def test_one_file_by_two_paths_is_one_problem() -> None:
    table = of_data(("train", "train.csv", "aaaa"))
    table.loc[table["seed"] > 9, "data.path"] = "../train.csv"
    assert set(known(table)) == {"train"}


def test_options_on_two_versions_of_the_data_are_not_compared() -> None:
    table = of_data(("train", "train.csv", "aaaa"))
    table.loc[table["optimizer"] == "adam", "fingerprint"] = "bbbb"
    table["sweep"] = table["optimizer"]
    table.loc[3, "fingerprint"] = None  # never begun
    assert set(known(table)) == {"train (version aaaa)", "train (version bbbb)"}
    comparison = compare(table)
    assert comparison.verdicts == []
    assert comparison.headline.startswith("No winner can be named: no two values of optimizer were run")


def test_what_differs_by_a_key_of_the_data_is_a_setting_and_no_other_problem() -> None:
    table = pd.concat(
        runs(LEVELS, **{"data.name": "wine", "data.standardize": how, "fingerprint": how}) for how in ("train", "none")
    )
    assert set(known(table)) == {"wine"}
    by_file = of_data(("train", "A.csv", "aaaa"), ("train", "B.csv", "bbbb")).query("optimizer == 'sgd'")
    assert set(compare(by_file, by="data.path").runs["problem"]) == {""}


def test_values_that_are_no_words_are_options_with_the_name_of_their_param() -> None:
    for values, by, names in (
        ([16, 32], "data.batch_size", ["batch_size=16", "batch_size=32"]),
        (["null", "balanced"], "data.class_weights", ["class_weights=null", "class_weights=balanced"]),
        (["sgd", "adam"], "optimizer", ["sgd", "adam"]),
    ):
        assert option_labels(pd.Series(values), by).tolist() == names
    table = runs(LEVELS | {("sgd", 1.0): 3.0, ("adam", 1.0): 3.0})
    assert "lr=0.1 wins" in compare(table, by="optimizer.lr", baseline=None).headline
    assert compare(table, by="optimizer.lr", baseline=1.0).question.baseline == "lr=1"


def test_long_values_that_differ_at_their_ends_are_two_groups() -> None:
    values = pd.Series([f"[{', '.join(['x'] * 3000)}, {end}]" for end in "ab"])
    assert option_labels(values, "data.features").nunique() == 2
    assert option_labels(values, "data.features").str.len().max() < 120
