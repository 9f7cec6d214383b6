"""`seedsweep.sweep`: the same runs as the command's, and objects in place of names."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from mlflow import MlflowClient
from shared.commands import ROOT, Ended
from shared.own_modules import Clouds, Margins

import seedsweep

SHORT = ("trainer.max_epochs=2", "data=iris", "model=mlp")


class Net(torch.nn.Module):
    def __init__(self, features: int, classes: int, width: int = 4, generator: torch.Generator | None = None):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(features, width), torch.nn.Linear(width, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def keys(sweep: str, client: MlflowClient) -> dict[str, str]:
    runs = client.search_runs(["1"], f"tags.`seedsweep.sweep` = '{sweep}' and tags.`seedsweep.kind` = 'run'")
    keys = {run.info.run_name: run.data.tags["seedsweep.key"] for run in runs}
    assert len(keys) == 12
    return keys


def test_python_and_the_command_line_give_the_same_keys_and_curves(
    train: Callable[..., Ended], client: MlflowClient
) -> None:
    assert train("-m", *SHORT, "optimizer=sgd,adam", "optimizer.lr=0.01,0.1", "seed=range(0,3)").code == 0
    typed = seedsweep.open("latest")
    keys_of_call = {"data": "iris", "model": "mlp", "optimizer": ["sgd", "adam"], "lr": [0.01, 0.1]}
    called = seedsweep.sweep(SHORT[0], "tracking.reuse=false", **keys_of_call, seeds=3)
    assert called.sweep != typed.sweep
    assert called.record.name == typed.record.name
    assert keys(called.sweep, client) == keys(typed.sweep, client)
    by_name = [
        results.curves.merge(results.runs[["run", "name"]]).drop(columns="run").sort_values(["name", "metric", "step"])
        for results in (called, typed)
    ]
    pd.testing.assert_frame_equal(*(curves.reset_index(drop=True) for curves in by_name))


def test_a_call_prints_nothing_but_its_progress(uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    seedsweep.sweep(*SHORT, optimizer=["sgd", "adam"], seeds=2)
    shown = capsys.readouterr()
    assert "training" in shown.out
    assert not {"val/loss", "wins", "finished", "report"} & set((shown.out + shown.err).split())
    assert [path.name for path in Path.cwd().iterdir() if path.name in ("outputs", "multirun")] == []


def test_results_have_runs_curves_table_verdicts_and_models(uri: str) -> None:
    results = seedsweep.sweep(*SHORT, optimizer=["sgd", "adam"], lr=0.1, seeds=6)
    assert len(results.runs) == 12
    assert set(results.curves["run"]) == set(results.runs["run"])
    assert list(results.table["group"]) == ["adam lr=0.1", "sgd lr=0.1"]
    comparison = results.compare(confidence=0.9)
    assert comparison.question.confidence == 0.9
    assert comparison.headline in results.compare(confidence=0.9)._repr_html_()
    assert results.compare().headline in repr(results)
    best = results.runs.sort_values("val/loss").iloc[0]
    features = torch.zeros(1, 4)
    assert torch.equal(results.model()(features), seedsweep.load_model(best["run"])(features))
    assert torch.equal(results.model(best["name"])(features), results.model()(features))
    with pytest.raises(seedsweep.ConfigError, match="there is no such run"):
        results.model("nobody")


def test_objects_take_the_place_of_names(uri: str) -> None:
    features = np.random.default_rng(0).normal(size=(90, 3))
    target = np.array(["a", "b", "c"])[features.argmax(axis=1)]
    slow = partial(torch.optim.SGD, lr=0.001)
    results = seedsweep.sweep(
        "trainer.max_epochs=1",
        data=(features, target),
        model=Net,
        width=[2, 3],
        optimizer=[torch.optim.NAdam, slow, "adam"],
        seeds=[4],
    )
    runs = results.runs
    assert set(runs["outcome"]) == {"finished"}
    assert runs.groupby("optimizer")["optimizer.lr"].first().to_dict() == {"NAdam": 0.002, "SGD": 0.001, "adam": 0.01}
    assert set(runs["optimizer._target_"]) == {"torch.optim.NAdam", "torch.optim.SGD", "torch.optim.Adam"}
    assert set(runs["model.width"]) == {2, 3}
    assert results.model().net.layers[1].out_features == 3


def test_a_frame_is_known_by_its_content(uri: str) -> None:
    frame = pd.DataFrame({"a": np.arange(60.0) % 7, "b": np.arange(60.0) % 5, "label": ["x", "y"] * 30})
    first, same = (seedsweep.sweep("trainer.max_epochs=1", data=frame.copy(), seeds=2).runs for _ in range(2))
    other = seedsweep.sweep("trainer.max_epochs=1", data=frame.assign(a=frame["a"] + 1), seeds=2).runs
    assert set(first["data.name"]) == set(same["data.name"])
    assert set(first["fingerprint"]) == set(same["fingerprint"])
    assert not set(first["data.name"]) & set(other["data.name"])


def test_the_given_target_is_the_target_whatever_the_columns_are_called(uri: str) -> None:
    features = pd.DataFrame({"x": np.arange(60.0) % 7, "y": np.arange(60) % 5})
    runs = seedsweep.sweep(
        "trainer.max_epochs=1", data=(features, pd.Series([0, 1, 2] * 20, name="species")), model="mlp", seeds=2
    ).runs
    assert set(runs["data.target"]) == {"species"}


def test_results_are_judged_by_the_objective_of_the_sweep(uri: str) -> None:
    results = seedsweep.sweep(
        *SHORT, "objective.metric=val/accuracy", "objective.select=best", optimizer=["sgd", "adam"]
    )
    assert results.metric == "val/accuracy"
    assert results.compare().question.select == "best"
    assert results.compare(select="last").question.select == "last"


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"data": pd.DataFrame({"a": [1.0], "b": [[1]]})}, "no table can hold"),
        ({"data": pd.DataFrame()}, "with rows, features and a target"),
        ({"data": 3}, "must be the name of an option, a DataFrame with rows"),
        ({"data": (np.zeros((3, 2)), np.zeros(2))}, "as many rows"),
        ({"optimizer": partial(torch.optim.SGD, [])}, "partial of one with keywords"),
        ({"model": partial(Net, width=torch.zeros(1))}, "must be a plain value"),
        ({"optimizer": "sgd", "tracking": "none"}, "tracking.uri=null"),
        ({"optimizer": "sgd", "lr": -1.0}, "optimizer.lr=-1.0: must be"),
        ({"processes": 2}, "is of a function"),
    ],
)
def test_wrong_calls_are_refused_before_anything_is_recorded(
    keywords: dict[str, object], message: str, uri: str, client: MlflowClient
) -> None:
    with pytest.raises(seedsweep.ConfigError, match=message):
        seedsweep.sweep(**keywords)  # type: ignore[arg-type]
    assert [experiment.name for experiment in client.search_experiments()] == ["Default"]


def test_hydra_is_left_as_it_was(uri: str) -> None:
    seedsweep.sweep(*SHORT, seeds=2)
    assert not GlobalHydra.instance().is_initialized()
    assert not HydraConfig.initialized()
    assert "SGD.yaml" not in ConfigStore.instance().repo.get("optimizer", {})
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        application = GlobalHydra.instance().hydra
        seedsweep.sweep(*SHORT, optimizer=["sgd", torch.optim.Adam], model=[Net, "mlp"], seeds=2)
        assert GlobalHydra.instance().hydra is application


def test_a_search_from_python_is_recorded(uri: str) -> None:
    results = seedsweep.sweep(
        *SHORT, "hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "hydra.sweeper.seeds=2", optimizer="adam"
    )
    assert results.record.tags["seedsweep.search"]
    assert len(results.runs) >= 4


def test_lightning_modules_and_data_modules_are_taken_by_their_classes(uri: str) -> None:
    few = ("objective.metric=valid_loss", "trainer.max_epochs=1")
    own = seedsweep.sweep(*few, data=Clouds, model=Margins, rate=[0.1, 0.01], seeds=2)
    assert own.runs["name"].tolist()[::2] == ["own rate=0.1 seed=0", "own rate=0.01 seed=0"], "by its own optimizer"
    given = seedsweep.sweep(*few, data=Clouds, model=partial(Margins, hidden=5), optimizer=["sgd", "adam"], seeds=2)
    assert given.runs["optimizer"].tolist() == ["sgd", "sgd", "adam", "adam"]
    assert given.metric == "valid_loss"
    assert given.model().net.layers[0].out_features == 5
    assert not hasattr(given.model(), "standardize"), "its features are as they come"
