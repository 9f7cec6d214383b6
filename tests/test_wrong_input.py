"""What wrong input gets: one message, no traceback, a non-zero exit, and nothing in the store."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from shared.commands import Ended
from shared.stores import runs_in
from shared.waiting import free_port

LR = "must be a finite number greater than 0"
WRONG = {
    "schedule=cosin": "schedule=cosin: must be one of constant, cosine, exponential, one_cycle, step, warmup",
    "schedule=cosine schedule.interval=batch": "schedule.interval=batch: must be one of epoch, step",
    "schedule=one_cycle schedule.max_lr=1": "schedule.max_lr=1: must be ",
    "schedule=cosine schedule.T_max=0": "schedule=torch.optim.lr_scheduler.CosineAnnealingLR: ZeroDivisionError",
    "+schedule.gamma=1": "schedule.gamma=1: is of no schedule",
    "+schedule._target_=torch.optim.lr_scheduler.ReduceLROnPlateau": "must be a schedule that needs no metric",
    "trainer.engine=flet": "trainer.engine=flet: must be one of fleet, lightning",
    "trainer.max_members=0": "trainer.max_members=0: must be an integer of at least 1",
    "optimizer=foo": "optimizer=foo: must be one of adadelta, adagrad, .*keras_adam",
    "data=foo": "data=foo: must be one of banknote, breast_cancer",
    "model.init=foo": "model.init=foo: must be one of zeros, uniform",
    "optimizer.lr=-1": f"optimizer.lr=-1: {LR}",
    "optimizer.lr=0": f"optimizer.lr=0: {LR}",
    "optimizer.lr=nan": f"optimizer.lr=nan: {LR}",
    "optimizer.lr=inf": f"optimizer.lr=inf: {LR}",
    "optimizer.lr=abc": f"optimizer.lr=abc: {LR}",
    "optimizer.lr=null": f"optimizer.lr=null: {LR}",
    "optimizer=momentum optimizer.momentum=-1": "optimizer=torch.optim.SGD: Invalid momentum value: -1",
    "+optimizer.foo=1": "optimizer.foo=1: torch.optim.SGD has no argument foo",
    "optimizer._target_=torch.optim.Foo": "optimizer=torch.optim.Foo: ",
    "data.batch_size=0": "data.batch_size=0: must be an integer",
    "data.batch_size=1.5": r"data.batch_size=1.5: must be an integer",
    "data.batch_size=399": "data.batch_size=399: must be an integer from 1 to 398, the number of training rows",
    "data.standardize=foo": "data.standardize=foo: must be one of train, all, none",
    "data.features=[foo]": "data.features=foo: no such column; there are mean radius",
    "data=table": "data.path=.*: a value is required",
    "data=table data.path=none.csv data.target=y": "data.path=none.csv: no such file",
    "data=iris": "model=logistic_regression: needs two classes and the data has 3; choose model=softmax_regression",
    "data=iris data.positive_class=foo": "data.positive_class=foo: must be one of setosa, versicolor, virginica",
    "data=banknote": "data.path=null: OpenML's data set 1462 cannot be fetched .*data.path=FILE.csv",
    "data=openml": "data.data_id=.*: a value is required",
    "data=openml data.data_id=0": "data.data_id=0: must be an integer of at least 1",
    "data=openml data.data_id=61": "data.path=null: OpenML's data set 61 cannot be fetched .*data.target=COLUMN",
    "data=torch": "data.dataset._target_=.*: a value is required",
    "data=torch data.dataset=x.y": "data.dataset=x.y: must have a _target_",
    "data=torch data.dataset._target_=shared.torch_datasets.Stream": "must be a map-style dataset",
    "data=torch data.dataset._target_=shared.torch_datasets.Items +data.dataset.item=raising": "item 0 cannot be read",
    "data.features=[a,a]": "data.features=a: is named twice",
    "data.stratify=1": "data.stratify=1: must be true or false",
    "data=table data.path=[a] data.target=y": r"data.path=\['a'\]: must be one value",
    "data._target_=pathlib.Path": "data=pathlib.Path: |data._target_=pathlib.Path: ",
    "model._target_=collections.OrderedDict": "model._target_=collections.OrderedDict: must make a torch.nn",
    "optimizer._target_=builtins.list": "optimizer.*builtins.list: ",
    "~optimizer._target_": "optimizer._target_=null: a value is required",
    "~seed": "'seed' not found|seed=null: a value is required",
    "~objective": "objective=null: a group of keys is required",
    "~trainer.max_epochs": "trainer.max_epochs=null: must be an integer",
    "optimizer.weight_decay=inf": "optimizer.weight_decay=inf: must be a finite number",
    "trainer.devices=2": "trainer.devices=2: must be one of 1",
    "experiment=": "experiment=: must be a name",
    "model=mlp model.activation={_target_:torch.nn.ReLU}": r"model.activation=ReLU\(\): must be one of relu",
    "+optimizer.fused=true +optimizer.foreach=true": "optimizer=torch.optim.SGD: .*fused",
    "seed=-1": "seed=-1: must be an integer from 0",
    "seed=foo": "seed=foo: must be an integer from 0",
    "trainer.max_epochs=0": "trainer.max_epochs=0: must be an integer",
    "trainer.accelerator=foo": "trainer=.*accelerator='foo'.*Available names are",
    "+trainer.foo=1": "trainer.foo=1: pytorch_lightning.Trainer has no argument foo",
    "objective.metric=foo": "objective.metric=foo: must be one of train/loss",
    "objective.select=foo": "objective.select=foo: must be one of last, best, auc",
    "tracking=server": "tracking.uri=.*: a value is required",
    "tracking.uri=./mlruns": "tracking.uri=./mlruns: must be sqlite:///",
    "tracking.uri=sqlite:////dev/null/x.db": "tracking.uri=sqlite:////dev/null/x.db: cannot be written",
    "lr=0.1": r"^lr=0.1: there is no key lr; did you mean optimizer.lr\?$",
    "init_seed=${sed}": r"init_seed=\${sed}: there is no key sed; did you mean seed\?",
    "experiment=${data.nam}/x": r"experiment=\${data.nam}/x: there is no key data.nam; did you mean data.name\?",
    "optimizer=adm": r"optimizer=adm: must be one of adadelta.*; did you mean adam\?",
    "hydra/launcher=flet": r"hydra/launcher=flet: must be one of basic, fleet.*; did you mean fleet\?",
    "-cn confg": r"--config-name=confg: must be one of .*compare, .*config.*; did you mean config\?",
    "+lr=0.1": r"\+lr=0.1: nothing uses a key lr; did you mean optimizer.lr\?",
    "++lr=0.1": r"\+\+lr=0.1: nothing uses a key lr; did you mean optimizer.lr\?",
    "+seeds=3": r"\+seeds=3: nothing uses a key seeds; 3 seeds are 'seed=range\(0,3\)', with -m",
    "+optimizer.lrr=1": r"optimizer.lrr=1: torch.optim.SGD has no argument lrr; did you mean lr\?",
    "+trainer.gradient_clip=1": r"Trainer has no argument gradient_clip; did you mean gradient_clip_val\?",
    "schedule=step +schedule.gama=1": "schedule.gama=1: torch.optim.lr_scheduler.StepLR has no argument gama",
    "+data.batchsize=8": r"seedsweep.datasets.ScikitLearn has no argument batchsize; did you mean batch_size\?",
    "+objective.metrik=val/loss": r"nothing uses a key objective.metrik; did you mean objective.metric\?",
    "+tracking.url=x": r"nothing uses a key tracking.url; did you mean tracking.uri\?",
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that reaches nothing and has fetched nothing yet."""
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "scikit_learn_data"))


def refused(ended: Ended, message: str) -> None:
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert len(ended.err.splitlines()) <= 5, ended.err
    assert re.search(message, ended.err, re.DOTALL), ended.err


@pytest.mark.parametrize(("overrides", "message"), WRONG.items(), ids=WRONG)
def test_wrong_run_is_refused(train: Callable[..., Ended], client: MlflowClient, overrides: str, message: str) -> None:
    refused(train(*overrides.split()), message)
    assert len(client.search_experiments()) == 1, "nothing but MLflow's own"


SWEEPS = [
    "optimizer.lr=0.1,-1",
    "model.init=zeros,foo",
    "optimizer=sgd,foo",
    "data.batch_size=16,999",
    "data=table,iris",
]
SWEEPS += [
    "seed=0,0",
    "tracking.uri= seed=0,1",
    "optimizer.lr=0.1,1e-1",
    "objective.select=last,best",
    "optimizer.lr=interval(0.1,1)",
    "lr=0.1,0.2",
    "+lr=0.1,0.2",
    "optimzer=adam,sgd",
    "hydra/sweeper=optna",
    "init_seed=${sed}",
]


@pytest.mark.parametrize("override", SWEEPS)
def test_sweep_with_one_wrong_job_trains_none(train: Callable[..., Ended], client: MlflowClient, override: str) -> None:
    key = re.escape(override.split("=")[0].split(".")[0])
    refused(train("-m", *override.split()), f"{key}|is trained as .* already")
    assert len(client.search_experiments()) == 1


def test_unreachable_server_is_named(train: Callable[..., Ended]) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    for mode in ((), ("-m",)):
        ended = train(*mode, "tracking=server", f"tracking.uri={address}")
        refused(ended, f"tracking.uri={address}: no MLflow server answers there")


def test_message_of_an_unreachable_database_hides_its_password(train: Callable[..., Ended]) -> None:
    ended = train("-m", f"tracking.uri=postgresql+psycopg://me:secret@127.0.0.1:{free_port()}/runs")
    refused(ended, r"tracking.uri=postgresql\+psycopg://me:\*\*\*@127.0.0.1")
    assert "secret" not in ended.err


def test_file_that_is_no_database_is_refused(train: Callable[..., Ended], tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("these are my notes, not a database, and they shall stay as they are" * 20)
    refused(train(f"tracking.uri=sqlite:///{tmp_path}/notes.db"), "cannot be written: file is not a database")


def test_store_without_a_place_for_artifacts_is_refused(
    train: Callable[..., Ended], client: MlflowClient, tmp_path: Path
) -> None:
    (tmp_path / "artifacts").write_text("in the way")
    for mode in ((), ("-m",)):
        refused(train(*mode), "cannot be written: .*artifacts")
    assert not runs_in(client)
    assert not runs_in(client, "sweep")


def test_model_that_could_not_be_loaded_again_is_refused(
    train: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made.py").write_text(
        "from seedsweep.model import LogisticRegression\n\n"
        "def make(**arguments):\n    return LogisticRegression(**arguments)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    refused(train("model._target_=made.make"), "model._target_=made.make: must be a class that takes plain values")


def test_values_too_large_for_training_are_refused(train: Callable[..., Ended], tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{i}e300,{i % 2}\n" for i in range(40)))
    overrides = ("data=table", "data.path=t.csv", "data.target=y", "data.standardize=none")
    refused(train(*overrides), "data.features=a: has values too large")


def test_deleted_experiment_is_named(train: Callable[..., Ended], client: MlflowClient) -> None:
    client.delete_experiment(client.create_experiment("gone"))
    for mode in ((), ("-m",)):
        refused(train(*mode, "experiment=gone"), "experiment=gone: was deleted in MLflow")
    assert not runs_in(client)
    assert not runs_in(client, "sweep")


def test_passwords_of_an_address_stand_in_no_file_of_hydras(train: Callable[..., Ended], tmp_path: Path) -> None:
    address = f"tracking.uri=postgresql+psycopg://me:s3cret@127.0.0.1:{free_port()}/runs"
    train("hydra.run.dir=out", address)
    train("-m", "hydra.sweep.dir=outs", "hydra/launcher=basic", address)
    train("-m", "hydra.sweep.dir=others", address)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert (tmp_path / "out" / ".hydra" / "overrides.yaml") in files
    assert [file for file in files if b"s3cret" in file.read_bytes()] == []
