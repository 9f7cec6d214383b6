"""A search as tables: what fresh seeds say, and values that stay what they are."""

import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from mlflow import MlflowClient
from shared.commands import Ended
from shared.searches import RATES, SEARCH, SMALL
from shared.stores import runs_in

from seedsweep.search.tables import sentence


def test_null_and_whole_numbers_stay_what_they_are_in_the_tables(
    train: Callable[..., Ended], client: MlflowClient, tmp_path: Path
) -> None:
    more = ("trainer.max_members=null,1,2", "hydra/sweeper/sampler=grid", "hydra.sweeper.n_jobs=3")
    assert train(*SEARCH, *more).code == 0
    (sweep,) = runs_in(client, "sweep")
    file = client.download_artifacts(sweep.info.run_id, "trials.csv", str(tmp_path))
    trials = pd.read_csv(file, dtype=str, keep_default_na=False)
    assert sorted(trials["trainer.max_members"]) == ["1", "2", "null"]
    assert sorted(run.data.params["trainer.max_members"] for run in runs_in(client, "trial")) == ["1", "2", "null"]


def test_confirmed_trials_that_seeds_cannot_tell_apart_are_named() -> None:
    noise = [0.0, 0.1, -0.1, 0.05, -0.05]
    rows = []
    for number, level in enumerate((1.0, 1.01, 3.0)):
        about = {"study": "s", "number": number, "rank": number + 1, "setting": f"lr={number}", "searched": 1.0}
        about |= {"fresh": level, "low": level - 0.1, "high": level + 0.1}
        values = [level + (-1) ** number * item for item in noise]
        rows += [about | {"seed": seed, "value": value} for seed, value in enumerate(values)]
    said = sentence(pd.DataFrame(rows), "val/loss")
    assert said == (
        "Confirmed: lr=0: val/loss 1 [0.9, 1.1] with 5 fresh seeds, 1 in the search; with these seeds it cannot be told"
        " apart from lr=1"
    )


def test_a_search_of_which_everything_diverged_confirms_none() -> None:
    row = {"study": "s", "number": 0, "rank": 1, "setting": "lr=9", "seed": 0, "low": math.nan, "high": math.nan}
    table = pd.DataFrame([row | {"searched": -math.inf, "fresh": -math.inf, "value": -math.inf}])
    assert sentence(table, "val/accuracy").startswith("None is confirmed: every trial of the search diverged; search")
    assert "every trial that it chose diverged" in sentence(table.assign(searched=0.9), "val/accuracy")


def test_a_search_does_not_go_on_where_the_rows_have_changed(
    train: Callable[..., Ended], client: MlflowClient, tmp_path: Path
) -> None:
    rows = pd.DataFrame({"a": range(40), "y": [0, 1] * 20})
    rows.to_csv(tmp_path / "t.csv", index=False)
    search = (*SEARCH, RATES, *SMALL, "data=table", "data.path=t.csv", "data.target=y", "hydra.sweeper.study_name=s")
    assert train(*search).code == 0
    rows.assign(a=range(1, 41)).to_csv(tmp_path / "t.csv", index=False)
    ended = train(*search, "hydra.sweeper.n_trials=3")
    assert ended.code == 1
    assert "study=s: this study is there, with another search: the rows of the data" in ended.err
    assert "hydra.sweeper.study_name=second" in ended.err
