"""Every option that can be typed works."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from mlflow import MlflowClient
from omegaconf import OmegaConf
from shared.commands import BANKNOTE, OPTIMIZER_OPTIONS, ROOT, Ended, config, needs_banknote
from shared.stores import runs_in

import seedsweep
from seedsweep.engine.built_run import build
from seedsweep.problem.initializers import INITIALIZERS


def options(group: str) -> list[str]:
    return sorted(file.stem for file in (ROOT / "conf" / group).glob("*.yaml"))


ELSEWHERE_MODELS = ("quadratic", "cnn", "rnn", "linear_regression", "module")
EVERY = [f"optimizer={name}" for name in OPTIMIZER_OPTIONS]
EVERY += [f"model={name}" for name in options("model") if name not in ELSEWHERE_MODELS]
EVERY += [f"data=digits model={name}" for name in ("cnn", "rnn", "rnn model.cell=lstm data.positive_class=7")]
EVERY += [f"model.init={name}" for name in INITIALIZERS]
EVERY += [f"model=mlp model.activation={name}" for name in ("relu", "tanh", "sigmoid", "gelu")]
ELSEWHERE = ("banknote", "openml", "table", "torch", "quadratic_deep", "diabetes")
EVERY += [f"data={name} model=softmax_regression" for name in options("data") if name not in ELSEWHERE]
EVERY += [f"data=diabetes model={name}" for name in ("linear_regression", "mlp")]
EVERY += [f"data.standardize={how}" for how in ("train", "all", "none")]
EVERY += [f"objective.select={how}" for how in ("last", "best", "auc")]
EVERY += ["data=iris data.positive_class=versicolor", "data.features=null", "trainer.precision=64-true"]
EVERY += [
    "data.drop_last=true",
    "trainer.reshuffle=false",
    "data=torch data.dataset._target_=shared.torch_datasets.digits model=mlp",
]


@pytest.mark.slow
@pytest.mark.parametrize("overrides", EVERY)
def test_every_option_trains_one_epoch(overrides: str) -> None:
    value = seedsweep.run(config("tracking=none", "trainer.max_epochs=1", *overrides.split()))
    assert 0 < value < 10


@needs_banknote
def test_banknote_trains_from_a_file() -> None:
    assert seedsweep.run(config("tracking=none", "data=banknote", f"data.path={BANKNOTE}")) > 0


def test_table_is_named_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(
        "a,b,y\n" + "".join(f"{i},{i * i % 7},{'no' if i < 20 else 'yes'}\n" for i in range(40))
    )
    composed = config("data=table", f"data.path={tmp_path}/mine.csv", "data.target=y", "data.features=[a]")
    assert composed.experiment == "mine/logistic_regression"
    splits = build(composed).splits
    assert splits.feature_names == ("a",)
    assert splits.classes == ("no", "yes")


def test_every_group_and_option_is_tried() -> None:
    """A new option must not slip past the tests above."""
    assert sorted(folder.name for folder in (ROOT / "conf").iterdir() if folder.is_dir()) == [
        "data",
        "model",
        "optimizer",
        "schedule",
        "tracking",
        "trainer",
    ]
    assert options("trainer") == ["default"]
    assert options("tracking") == ["local", "none", "server"]


def test_all_optimizers_start_from_the_same_rate() -> None:
    assert {config(f"optimizer={name}").optimizer.lr for name in OPTIMIZER_OPTIONS if name != "prodigy"} == {0.01}


def test_third_partys_optimizer_is_one_file(
    train: Callable[..., Ended], client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine" / "optimizer").mkdir(parents=True)
    (tmp_path / "mine" / "optimizer" / "half.yaml").write_text("_target_: theirs.Half\nlr: 0.01\n")
    (tmp_path / "theirs.py").write_text("import torch\nclass Half(torch.optim.SGD):\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert train("-cd", str(tmp_path / "mine"), "optimizer=half").code == 0
    assert [run.info.run_name for run in runs_in(client)] == ["half lr=0.01 seed=0"]


@pytest.mark.parametrize("file", sorted((ROOT / "sweeps").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_ready_made_sweep_composes(file: Path) -> None:
    search = f"hydra.searchpath=[file://{ROOT / 'conf'}]"
    with initialize_config_dir(str(ROOT / "sweeps"), version_base="1.3"):
        composed = compose(file.stem, overrides=[search], return_hydra_config=True)
    assert str(composed.hydra.mode).endswith("MULTIRUN")
    assert "seed" in composed.hydra.sweeper.params or composed.hydra.sweeper.seeds
    OmegaConf.to_container(composed.optimizer, resolve=True)


def test_help_shows_how_to_begin(train: Callable[..., Ended]) -> None:
    shown = train("--help").out
    for word in (
        "python train.py -m",
        "-cn learning_rates",
        "The curves:  make ",
        "optimizer: adadelta, adagrad",
        "seed: 0",
    ):
        assert word in shown
