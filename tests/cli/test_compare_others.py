"""`python compare.py` on runs that others recorded."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from shared.commands import ROOT, Ended
from shared.foreign import results, written
from shared.stores import runs_in

import seedsweep

Command = Callable[..., Ended]
PAGE = Path("seedsweep-report") / "report.html"


def verdict_lines(out: str) -> list[str]:
    """What is said besides where the runs are from and where the report is."""
    addresses = ("The mean curves", "http")
    said = [line for line in out.splitlines() if "report.html" not in line and not line.startswith(addresses)]
    return [line for line in said if " runs" not in line.split(";")[0] or line.startswith("!")]


@pytest.mark.fast
def test_a_table_is_compared_and_the_report_is_written_here(compare: Command, tmp_path: Path) -> None:
    written(results(), tmp_path)
    ended = compare("runs=results.csv", "by=optim", "metric=loss", "figures=null")
    assert ended.code == 0
    assert ended.out.startswith("adam wins: ")
    assert "seeds: random_state (guessed: its name), 8 of them" in ended.out
    assert f"The report: {tmp_path / PAGE}" in ended.out
    page = (tmp_path / PAGE).read_text()
    assert "python compare.py runs=results.csv by=optim metric=loss" in page
    assert "results.csv: 32 runs; params optim, lr" in page


def test_figures_of_the_report_before_are_replaced(compare: Command, tmp_path: Path) -> None:
    written(results(), tmp_path)
    assert compare("runs=results.csv").code == 0
    figures = tmp_path / "seedsweep-report" / "figures"
    assert {file.suffix for file in figures.iterdir()} == {".png"}
    assert compare("runs=results.csv", "figures=null").code == 0
    assert not figures.exists()


def test_what_is_exported_from_a_sweep_gives_the_verdicts_of_the_sweep(
    train: Command, compare: Command, client: MlflowClient, tmp_path: Path
) -> None:
    sweep = ("-m", "optimizer=sgd,adam", "optimizer.lr=0.01,0.1", "seed=range(0,6)", "trainer.max_epochs=2")
    assert train(*sweep).code == 0
    own = compare("figures=null")
    (parent,) = runs_in(client, "sweep")
    client.download_artifacts(parent.info.run_id, "runs.parquet", str(tmp_path))
    runs = seedsweep.load_runs("latest")
    runs.to_csv("runs.csv", index=False)
    columns = ["optimizer", "optimizer.lr", "seed", "init_seed", "order_seed", "data.name", "val/loss", "test/loss"]
    runs[columns].to_csv("some.csv")
    for file in ("runs.parquet", "runs.csv"):
        assert verdict_lines(compare(f"runs={file}", "figures=null").out) == verdict_lines(own.out)
    some = verdict_lines(compare("runs=some.csv", "figures=null").out)
    assert [line for line in some if "guessed" not in line] == verdict_lines(own.out)


def test_an_experiment_of_others_stays_as_it_is(compare: Command, client: MlflowClient, tmp_path: Path) -> None:
    experiment = client.create_experiment("mnist", artifact_location=str(tmp_path / "theirs"))
    for run in results(seeds=6).to_dict("records"):
        run_id = client.create_run(experiment).info.run_id
        for key, value in {
            "optim": run["optim"],
            "learning_rate": run["lr"],
            "random_state": run["random_state"],
        }.items():
            client.log_param(run_id, key, value)
        client.log_metric(run_id, "val_acc", run["accuracy"])
        client.set_terminated(run_id)
    question = ("by=optim", "seeds=random_state", "at=[learning_rate]", "metric=val_acc", "figures=null")
    ended = compare("experiment=mnist", *question)
    assert ended.code == 0
    assert ended.out.startswith("adam wins: ")
    assert "experiment mnist: 24 runs; params optim, learning_rate; metrics val_acc" in ended.out
    assert (tmp_path / PAGE).exists()
    assert len(client.search_runs([experiment])) == 24
    assert not (tmp_path / "theirs").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runs=none.csv"], "runs=none.csv: no such file or folder"),
        (["runs=results.csv", "sweep=3f2a"], "sweep=3f2a: leave it out: runs=results.csv is compared"),
        (["runs=results.csv", "experiment=mnist"], "experiment=mnist: leave it out"),
        (["runs=results.csv", "seeds=[1]"], "seeds=[1]: must be the name of a param, or a list of names"),
        (["runs={a: b}"], "must be a file or a folder, or a list of such"),
        (["runs=results.csv", "metric=fitness"], "metric=fitness: is not a metric of these runs"),
        (["seeds=random_state"], "seeds=random_state: is for runs that others recorded"),
    ],
)
@pytest.mark.fast
def test_wrong_input_gets_one_message(compare: Command, tmp_path: Path, arguments: list[str], said: str) -> None:
    written(results(), tmp_path)
    ended = compare(*arguments)
    assert ended.code == 1
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / PAGE).exists()


def test_what_was_guessed_is_said_beside_an_error(compare: Command, tmp_path: Path) -> None:
    written(results().rename(columns={"loss": "fitness"}).drop(columns="accuracy"), tmp_path)
    ended = compare("runs=results.csv")
    assert "metric: fitness (guessed: the only one)" in ended.err
    assert "say direction=maximize" in ended.err
    assert compare("runs=results.csv", "direction=maximize", "figures=null").code == 0


@pytest.mark.slow
def test_a_table_is_compared_without_mlflow_or_torch(tmp_path: Path) -> None:
    path = written(results(), tmp_path)
    command = [sys.executable, "-X", "importtime", str(ROOT / "compare.py"), f"runs={path}", "figures=null"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    imported = {line.rsplit("|", 1)[-1].strip() for line in ended.stderr.splitlines()}
    assert "pandas" in imported
    assert not {"mlflow", "torch", "pytorch_lightning", "sqlalchemy", "optuna", "vl_convert"} & imported
