"""The grid sweeper as a plugin of Hydra."""

from collections.abc import Callable
from pathlib import Path

from mlflow import MlflowClient
from shared.commands import Ended
from shared.forks import run_forked
from shared.stores import runs_in

THEIRS = """
import hydra

@hydra.main(version_base="1.3", config_path=".", config_name="theirs")
def main(config):
    print("value", config.x, config.tracking.server)

main()
"""


def test_jobs_may_change_their_directory(train: Callable[..., Ended], client: MlflowClient) -> None:
    assert train("-m", "hydra.job.chdir=true", "seed=0,1", "trainer.max_epochs=1").code == 0
    assert len(runs_in(client)) == 2


def test_jobs_in_batches_have_their_places_in_the_plan(train: Callable[..., Ended], client: MlflowClient) -> None:
    assert train("-m", "hydra.sweeper.max_batch_size=2", "seed=0,1,2", "trainer.max_epochs=1").code == 0
    assert [run.data.tags["seedsweep.job"] for run in runs_in(client)] == ["0", "1", "2"]
    assert [run.data.params["seed"] for run in runs_in(client)] == ["0", "1", "2"]


def test_sweep_over_problems_has_each_in_its_experiment(train: Callable[..., Ended], client: MlflowClient) -> None:
    ended = train("-m", "data=iris,wine", "model=softmax_regression", "trainer.max_epochs=1")
    assert ended.code == 0
    names = {client.get_experiment(run.info.experiment_id).name for run in runs_in(client)}
    assert names == {"iris/softmax_regression", "wine/softmax_regression"}
    assert "sgd lr=0.01 data=wine" in ended.out
    assert len({run.data.tags["seedsweep.sweep"] for run in runs_in(client)}) == 1


def test_groups_that_would_share_a_name_are_refused(train: Callable[..., Ended], client: MlflowClient) -> None:
    ended = train("-m", "data={batch_size:16},{batch_size:32}")
    assert ended.code == 1
    assert "sweep=sgd lr=0.01 data=breast_cancer: would name two groups, with another data.batch_size" in ended.err
    assert not runs_in(client)


def test_group_under_a_package_is_a_param(train: Callable[..., Ended], client: MlflowClient) -> None:
    assert train("+optimizer@other=adam", "optimizer.lr=${other.lr}", "trainer.max_epochs=1").code == 0
    (run,) = runs_in(client)
    assert run.data.params["optimizer.other"] == "adam"
    assert run.data.params["optimizer"] == "sgd"


def test_sweep_leaves_no_progress_behind(train: Callable[..., Ended], tmp_path: Path) -> None:
    train("-m", "hydra.sweep.dir=here", "seed=0,1", "trainer.max_epochs=1")
    assert (tmp_path / "here" / "multirun.yaml").exists()
    assert not list((tmp_path / "here").glob(".progress*"))


def test_application_that_is_not_ours_is_swept_as_by_hydra(tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(THEIRS)
    (tmp_path / "theirs.yaml").write_text(
        "defaults: [{override hydra/sweeper: grid}, _self_]\nx: 0\ntracking: {server: theirs}\n"
    )
    done = run_forked("theirs.py", "-m", "x=1,2", cwd=tmp_path, check=True)
    assert [line for line in done.stdout.splitlines() if line.startswith("value")] == [
        "value 1 theirs",
        "value 2 theirs",
    ]
