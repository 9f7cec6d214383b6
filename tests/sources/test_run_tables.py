"""Tables of runs: files as people have them, and what their columns are taken for."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from shared.foreign import answer, points, prepare, results, written

from seedsweep.errors import ConfigError

ADAM_WINS = (
    "adam wins: with each optim at its best learning rate, it is better than sgd, at 95 % confidence over 8 seeds."
)


def messy() -> pd.DataFrame:
    """Results with columns that are neither params nor metrics."""
    runs, generator = results(), np.random.default_rng(2)
    return runs.assign(
        name=[f"run-{number}" for number in range(len(runs))],
        date=[f"2024-01-{1 + number % 28:02d}" for number in range(len(runs))],
        wall_time=generator.uniform(10, 20, len(runs)),
        epochs_run=generator.integers(5, 100, len(runs)),
        host=generator.choice(["a", "b"], len(runs)),
        batch_size=32,
    )


def test_a_table_of_runs_is_compared_and_every_guess_is_said(tmp_path: Path) -> None:
    path = written(results(), tmp_path)
    assert answer(path).headline == ADAM_WINS
    assert prepare(path).lines == [
        f"{path}: 32 runs; params optim, lr; metrics loss, accuracy",
        "seeds: random_state (guessed: its name), 8 of them",
        "metric: loss (guessed: its name)",
        "by: optim (guessed: its name)",
        "at: lr (guessed: what was swept besides)",
    ]


def test_what_is_named_is_not_guessed(tmp_path: Path) -> None:
    asked = {"by": "optim", "at": ["lr"], "metric": "loss", "seeds": ["random_state"]}
    lines = prepare(written(results(), tmp_path), **asked).lines
    assert not any("guessed" in line for line in lines)


def test_columns_that_only_tell_runs_apart_are_no_setting(tmp_path: Path) -> None:
    path = written(messy(), tmp_path, index=True)
    ready = prepare(path)
    assert ready.question["at"] == ["lr"]
    assert answer(path).headline == ADAM_WINS
    for said in ("Unnamed: 0 (an index)", "date (dates)", "batch_size (the same in every run)", "wall_time (times)"):
        assert said in ready.lines[0]
    assert "taken as measured, not as swept: epochs_run; at=[NAME] has one as a param" in ready.lines


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"sep": ";", "decimal": ",", "encoding": "latin-1"},
            "separated by semicolons, decimal commas in lr, loss, accuracy",
        ),
        ({"sep": "\t", "encoding": "utf-8-sig"}, "separated by tabs"),
        ({"sep": ",", "encoding": "utf-16"}, "read as utf-16"),
    ],
)
def test_files_of_every_country_are_read(tmp_path: Path, options: dict[str, str], said: str) -> None:
    table = results()
    table["optim"] = table["optim"].replace("sgd", "größer")
    path = written(table, tmp_path, **options)
    assert any(said in line for line in prepare(path).lines)
    assert "größer" in answer(path).headline


def test_parquet_gives_the_verdict_of_the_csv(tmp_path: Path) -> None:
    table = results().astype({"optim": "category"})
    table.to_parquet(tmp_path / "results.parquet")
    assert answer(str(tmp_path / "results.parquet")).headline == ADAM_WINS


def test_a_row_a_point_gives_the_verdict_of_a_row_a_run(tmp_path: Path) -> None:
    path = written(points(results()), tmp_path)
    ready = prepare(path)
    assert answer(path).verdicts == answer(written(results(), tmp_path, "runs.csv")).verdicts
    assert ready.curves is not None
    assert len(ready.curves) == 96
    assert "a row a point, by epoch: 96 points of 32 runs, told apart by random_state, optim, lr" in ready.lines


def test_the_best_of_a_curve_can_be_compared(tmp_path: Path) -> None:
    table = points(results())
    rising = table.assign(loss=table["loss"].where(table["epoch"] < 2, 9.0))
    comparison = answer(written(rising, tmp_path), select="best")
    assert comparison.runs["score"].max() < 1


def test_runs_of_a_long_table_are_told_apart_by_their_names(tmp_path: Path) -> None:
    runs = results()
    named = runs.assign(run_id=[f"r{number}" for number in range(len(runs))])
    ready = prepare(written(points(named), tmp_path))
    assert any("told apart by run_id" in line for line in ready.lines)
    assert ready.question["at"] == ["lr"]


@pytest.mark.parametrize("value", ["nan", "inf", "", "-inf"])
def test_a_metric_that_is_not_finite_is_of_a_diverged_run(tmp_path: Path, value: str) -> None:
    table = results().astype({"loss": object})
    table.loc[3, "loss"] = value
    ready = prepare(written(table, tmp_path))
    assert (ready.runs["outcome"] == "diverged").sum() == 1
    assert "diverged: 1 run, whose last loss is not finite or is missing" in ready.lines


def test_a_curve_that_ends_in_nan_has_diverged_and_one_without_points_is_missing(tmp_path: Path) -> None:
    table = points(results()).astype({"loss": object})
    table.loc[(table["epoch"] == 2) & (table.index % 32 == 0), "loss"] = "nan"
    table.loc[table.index % 32 == 1, "loss"] = ""
    outcomes = prepare(written(table, tmp_path)).runs["outcome"].value_counts()
    assert outcomes.to_dict() == {"finished": 30, "diverged": 1, "missing": 1}


def test_a_column_of_outcomes_is_understood(tmp_path: Path) -> None:
    table = results().assign(State="finished")
    table.loc[:2, "State"] = ["crashed", "running", "FAILED"]
    ready = prepare(written(table, tmp_path))
    assert ready.runs["outcome"].tolist()[:4] == ["failed", "missing", "failed", "finished"]


def test_data_sets_are_problems(tmp_path: Path) -> None:
    table = pd.concat([results().assign(dataset=name) for name in ("iris", "wine")])
    path = written(table, tmp_path)
    assert "data sets: dataset, 2 of them (by its name)" in prepare(path).lines
    assert {verdict.problem for verdict in answer(path).verdicts} == {"iris", "wine"}


def test_copied_rows_count_once(tmp_path: Path) -> None:
    path = written(pd.concat([results(), results().head(3)]), tmp_path)
    assert "left out: 3 runs the same as another one in each column" in prepare(path).lines
    assert answer(path).headline == ADAM_WINS


def test_other_rows_of_the_same_setting_and_seed_are_refused_with_their_number(tmp_path: Path) -> None:
    table = pd.concat([results(), results().head(2).assign(loss=9.0)])
    with pytest.raises(
        ConfigError, match=r"4 of the 34 runs have the setting and seed of another one, such as row 1, row"
    ):
        prepare(written(table, tmp_path))
    with pytest.raises(ConfigError, match="They differ in lr: name one by"):
        prepare(written(results(), tmp_path), at=[])


def test_files_are_taken_together(tmp_path: Path) -> None:
    table = results()
    paths = [
        written(rows.drop(columns="optim"), tmp_path, f"{name}.csv")
        for name, rows in table.groupby("optim", sort=False)
    ]
    assert answer(paths, by="file").verdicts[0].winner == "adam"
    assert answer(str(tmp_path), by="file").verdicts[0].winner == "adam"


def test_a_filter_chooses_runs(tmp_path: Path) -> None:
    ready = prepare(written(results(), tmp_path), query="lr < 0.05 and random_state < 6")
    assert len(ready.runs) == 12
    assert ready.question["at"] == []


def test_options_that_lack_a_param_have_settings_without_it(tmp_path: Path) -> None:
    table = results(rates=(0.01,)).assign(momentum=0.9)
    table["momentum"] = table["momentum"].where(table["optim"] == "sgd")
    both = pd.concat([table, table[table["optim"] == "sgd"].assign(momentum=0.5)])
    assert set(answer(written(both, tmp_path)).runs["setting"]) == {"", "momentum=0.9", "momentum=0.5"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"metric": "los"},
            r"metric=los: is not a metric of these runs; there are loss, accuracy; did you mean loss\?",
        ),
        ({"by": "optimm"}, r"by=optimm: is not a param of the runs; there are optim, lr; did you mean optim\?"),
        ({"at": ["rate"]}, "at=rate: is not a param of the runs"),
        ({"seeds": ["seed"]}, "seeds=seed: is not a column; there are optim, lr, random_state, loss, accuracy"),
        ({"by": "random_state"}, "by=random_state: is taken for a seed"),
    ],
)
def test_wrong_names_are_answered_with_the_right_ones(tmp_path: Path, asked: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        prepare(written(results(), tmp_path), **asked)  # type: ignore[arg-type]


def test_a_single_option_is_nothing_to_compare(tmp_path: Path) -> None:
    table = results(rates=(0.01,)).query("optim == 'adam'")
    with pytest.raises(ConfigError, match="by=null: no param has several values"):
        prepare(written(table, tmp_path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("a,b\n", "has no rows"),
        ("a,a\n1,2\n", "has several columns of the same name: a"),
        ("a,b\n1,2,3\n", "is no table in CSV or Parquet that can be read"),
        ("\x89PNG\r\n", "is no table in CSV or Parquet that can be read|has no rows"),
    ],
)
def test_files_that_are_no_tables_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "wrong.csv").write_text(text)
    with pytest.raises(ConfigError, match=said):
        prepare(str(tmp_path / "wrong.csv"))


def test_paths_that_lead_nowhere_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path, said in (
        ("none.csv", "no such file or folder"),
        (str(tmp_path / "empty"), "holds neither a metrics.csv"),
    ):
        with pytest.raises(ConfigError, match=said):
            prepare(path)


def test_infinite_numbers_do_not_reach_a_verdict(tmp_path: Path) -> None:
    table = points(results()).astype({"loss": object})
    table.loc[table["epoch"] == 1, "loss"] = "inf"
    curves = prepare(written(table, tmp_path)).curves
    assert curves is not None
    assert curves["value"].map(math.isfinite).all()


def test_parquet_with_gaps_of_pandas_own_kind_is_read(tmp_path: Path) -> None:
    table = results().astype({"random_state": "Int64", "loss": "Float64"})
    table.loc[3, "loss"] = pd.NA
    table.to_parquet(tmp_path / "results.parquet")
    assert (prepare(str(tmp_path / "results.parquet")).runs["outcome"] == "diverged").sum() == 1
