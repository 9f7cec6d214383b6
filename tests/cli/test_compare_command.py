"""`python compare.py`, and the end of every sweep."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest
from mlflow import MlflowClient
from shared.commands import ROOT, Ended
from shared.forks import run_forked
from shared.stores import runs_in

import seedsweep

Command = Callable[..., Ended]
SWEEP = ("-m", "optimizer=sgd,adam", "optimizer.lr=0.01,0.1", "seed=range(0,5)", "trainer.max_epochs=2")


def report(client: MlflowClient, position: int = -1) -> Path:
    parent = runs_in(client, "sweep")[position]
    return Path(urlsplit(parent.info.artifact_uri).path) / "report" / "report.html"


def test_comparison_prints_verdicts_and_keeps_the_report(
    train: Command, compare: Command, client: MlflowClient
) -> None:
    assert train(*SWEEP).code == 0
    ended = compare()
    assert ended.code == 0
    few = "5 seeds cannot decide between 2 options"
    for text in ("Each at its best, chosen by val/loss, compared by test/loss", "20 runs", few):
        assert text in ended.out
    headline = "No winner can be named: five seeds are too few, whatever they say; run 6 or more."
    assert ended.out.startswith(f"{headline}\nsweep ")
    assert f"The report: {report(client)}" in ended.out
    (address,) = (line for line in ended.out.splitlines() if line.startswith("http"))
    assert len(address) <= 80
    assert address.endswith("groups")
    page = report(client).read_text()
    assert "Data: breast_cancer. Model: logistic_regression. By" in page
    assert "5 seeds cannot decide between 2 options" in page
    assert len(page) < 5 * 2**20
    assert {file.suffix for file in (report(client).parent / "figures").iterdir()} == {".png"}
    groups = {run.data.tags["seedsweep.group"] for run in runs_in(client, "group")}
    assert groups == {"sgd lr=0.01", "sgd lr=0.1", "adam lr=0.01", "adam lr=0.1"}
    assert compare("figures=null", "baseline=sgd").code == 0
    assert len(runs_in(client, "group")) == 4  # not eight
    other = report(client).parents[1] / "report_baseline=sgd" / "report.html"
    assert "python compare.py baseline=sgd" in other.read_text()
    assert report(client).read_text() == page
    assert len(seedsweep.load_runs("latest")) == 20


def test_tables_and_figures_are_exported_and_the_report_is_the_usual_one(
    train: Command, compare: Command, client: MlflowClient, tmp_path: Path
) -> None:
    assert train(*SWEEP).code == 0
    ended = compare("export=[paper/table.tex,table.csv,paper/answer.pdf]", "figures=[svg,pdf]")
    assert ended.code == 0
    assert ended.out.index("No winner can be named") < ended.out.index("Written: paper/table.tex\nWritten: table.csv")
    assert r"optimizer & setting & test/loss & seeds & rank \\" in (tmp_path / "paper" / "table.tex").read_text()
    assert len(pd.read_csv(tmp_path / "table.csv")) == 2
    assert (tmp_path / "paper" / "answer.pdf").read_bytes().startswith(b"%PDF-")
    assert {file.suffix for file in (report(client).parent / "figures").iterdir()} == {".svg", ".pdf"}


@pytest.mark.fast
def test_sweep_is_compared_at_its_end(train: Command, client: MlflowClient) -> None:
    ended = train(*SWEEP, "compare=true", "objective.metric=val/accuracy")
    assert ended.code == 0
    landmarks = ["No winner can be named: ", "mean ± sd over seeds", "See it: ", "At the same setting", "The report: "]
    assert sorted(landmarks, key=ended.out.index) == landmarks
    assert "val/accuracy [low, high]" not in ended.out.split("At the same setting")[0]
    assert report(client).exists()
    (parent,) = runs_in(client, "sweep")
    assert parent.info.status == "FINISHED"
    assert parent.data.params["trainer.max_epochs"] == "2"
    assert not parent.data.params.keys() & {"optimizer", "optimizer.lr", "seed"}


def test_single_seeds_and_one_group_are_not_compared_at_the_end(train: Command, client: MlflowClient) -> None:
    assert "At the same" not in train("-m", "optimizer=sgd,adam", "trainer.max_epochs=1", "compare=true").out
    assert "At the same" not in train("-m", "seed=1,2", "trainer.max_epochs=1", "compare=true").out
    assert not report(client).exists()


def test_sweeps_are_compared_together(train: Command, compare: Command, client: MlflowClient) -> None:
    for name in ("iris", "wine"):
        data = (f"data={name}", "model=softmax_regression", "trainer.max_epochs=2")
        assert train("-m", "optimizer=sgd,adam", "optimizer.lr=0.1", "seed=range(0,5)", *data, "compare=true").code == 0
    ids = [run.info.run_id for run in runs_in(client, "sweep")]
    ended = compare(f"sweep=[{','.join(run_id[:8] for run_id in ids)}]", "figures=null")
    assert ended.code == 0
    assert "iris lr=0.1: " in ended.out or "iris: " in ended.out
    assert "wine" in ended.out
    own = report(client, 0).parent
    (together,) = own.parent.glob("report_sweep=*/report.html")
    assert "performance profile" in together.read_text().lower()
    assert "performance profile" not in (own / "report.html").read_text().lower(), "the sweep's own report stays"


def test_runs_that_were_trained_again_count_once(train: Command, compare: Command) -> None:
    for _ in range(2):
        assert train("-m", "optimizer=sgd,adam", "seed=range(0,5)", "trainer.max_epochs=1").code == 0
    ended = compare("sweep=null", "experiment=breast_cancer/logistic_regression", "figures=null")
    assert ended.code == 0
    assert "5 of 5" in ended.out


def test_finished_runs_come_before_those_that_an_older_sweep_missed(
    train: Command, compare: Command, client: MlflowClient
) -> None:
    sweep = ("-m", "optimizer=sgd,adam", "seed=range(0,6)", "trainer.max_epochs=1")
    assert train(*sweep).code == 0
    client.delete_run(runs_in(client)[0].info.run_id)
    assert train(*sweep).code == 0
    ended = compare("sweep=null", "figures=null")
    assert "missing" not in ended.out
    assert ended.out.count("6 of 6") == 2


def test_batch_sizes_are_compared(train: Command) -> None:
    sizes = ("-m", "data.batch_size=16,64", "seed=range(0,3)", "trainer.max_epochs=1", "compare=true")
    assert "3 seeds cannot decide between 2 options" in train(*sizes).out


def test_runs_are_chosen_by_a_filter(train: Command, compare: Command) -> None:
    assert train(*SWEEP).code == 0
    ended = compare("filter='optimizer.lr < 0.05 and seed < 4'", "figures=null")
    assert "4 of 4" in ended.out
    assert "lr=0.1" not in ended.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sweep=foo"], "sweep=foo: no such sweep; the newest are "),
        (["experiment=foo"], "experiment=foo: has no sweeps; there are "),
        (["filter='foo ='"], "filter=foo =: is no query of the table of runs"),
        (["filter='seed > 99'"], "filter=seed > 99: is true for none of the 4 runs"),
        (["metrik=val/loss"], "metrik=val/loss: there is no key metrik; did you mean metric?"),
        (["+sweeep=latest"], "sweeep=latest: there is no key sweeep; did you mean sweep?"),
        (["direction=min"], "direction=min: must be one of minimize, maximize; did you mean minimize?"),
        (["baseline=sgdd"], "baseline=sgdd: must be one of adam, sgd; did you mean sgd?"),
        (["by=optimisr"], "; did you mean optimizer?"),
        (["metric=val/los"], "; did you mean val/loss?"),
        (["metric=val/foo"], "metric=val/foo: was not logged by these runs; there are "),
        (["uri=sqlite:////nowhere/none.db"], "/nowhere/none.db"),
        (["export=table.docx"], "export=table.docx: must end with one of .tex, .csv, "),
        (["export=figure1.pdf"], "export=figure1.pdf: must be named by a figure: answer, "),
        (["figures=jpg"], "figures=jpg: must be png, svg, pdf, a list of them such as [png,pdf], or null"),
    ],
)
def test_wrong_input_gets_one_message(train: Command, compare: Command, arguments: list[str], said: str) -> None:
    assert train("-m", "optimizer=sgd,adam", "seed=0,1", "trainer.max_epochs=1").code == 0
    ended = compare(*arguments)
    assert ended.code == 1
    assert said in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.fast
def test_empty_store_has_no_sweeps(compare: Command) -> None:
    ended = compare()
    assert ended.code == 1
    assert "Traceback" not in ended.err


def test_unfinished_sweep_says_what_is_missing(train: Command, compare: Command, client: MlflowClient) -> None:
    assert train(*SWEEP).code == 0
    lost = [run for run in runs_in(client) if run.info.run_name in ("adam lr=0.1 seed=0", "adam lr=0.1 seed=1")]
    for run in lost:
        client.delete_run(run.info.run_id)
    ended = compare("figures=null")
    assert ended.code == 0
    assert "Runs are missing in 1 group: adam lr=0.1 (2 of 5): type the sweep's command again" in ended.out


def test_store_of_a_newer_mlflow_is_said_to_be_one(train: Command, uri: str) -> None:
    assert train("seed=0", "trainer.max_epochs=1").code == 0
    with sqlite3.connect(uri.removeprefix("sqlite:///")) as store:
        store.execute("UPDATE alembic_version SET version_num = 'f00dfeedbeef'")
    store.close()
    ended = run_forked(str(ROOT / "compare.py"))  # a process that has not seen the store yet
    assert ended.returncode == 1
    assert "it was made by a newer MLflow than" in ended.stderr


def test_hostile_names_stay_texts_in_all_that_is_written(
    train: Callable[..., Ended], client: MlflowClient, tmp_path: Path
) -> None:
    hostile, label = '"><img src=x onerror=alert(1)>{{7*7}}', "</script><script>alert(2)</script>"
    rows = pd.DataFrame({hostile: range(40), "=1+1": [0, 2] * 20, label: ["<b>yes</b>", "${oc.env:HOME}"] * 20})
    rows.to_csv(tmp_path / f"..{hostile}.csv", index=False)
    data = ("data=table", f"data.path='..{hostile}.csv'", f"data.target='{label}'", "data.batch_size=8")
    words = ("-m", *data, "optimizer=sgd,adam", "seed=range(0,3)", "trainer.max_epochs=1", "compare=true")
    assert train(*words).code == 0
    pages = [file for file in tmp_path.rglob("*.html") if file.is_file()]
    assert len(pages) == 1
    for sign in ("<img src=x", "<script>alert", "<b>yes", "49.csv"):
        assert sign not in pages[0].read_text()
    (sweep,) = runs_in(client, "sweep")
    assert "<img" not in sweep.data.tags["mlflow.note.content"]
    assert {path.parent.name for path in tmp_path.glob("*/*")} <= {"artifacts", "multirun", "outputs"}
