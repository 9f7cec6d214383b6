"""Modules of one's own: trained by their own steps, in both engines alike, and refused before the first run."""

import json
import sys
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from shared.commands import config
from shared.layer_kinds import alone, curves_of

import seedsweep
from seedsweep.config import instantiation
from seedsweep.engine.built_run import build
from seedsweep.engine.fleet import trainer as fleet
from seedsweep.engine.fleet.assemble import assemble, refuse_model, refuse_optimizer
from seedsweep.engine.validation import check
from seedsweep.errors import ConfigError
from seedsweep.outcomes import RunResult

MARGINS = ("model._target_=shared.own_modules.Margins", "objective.metric=valid_loss", "trainer.max_epochs=3")


def own(*overrides: str) -> dict[str, Any]:
    """The configuration of a run of `Margins`, or of what else is named."""
    return seedsweep.resolve(config("tracking=none", "~model.init", "model.name=own", *MARGINS, *overrides))


def of(name: str, *overrides: str) -> dict[str, Any]:
    return own(f"model._target_=shared.own_modules.{name}", *overrides)


def curve(result: RunResult, metric: str) -> list[float]:
    return [point.value for point in result.points if point.metric == metric]


def test_its_own_names_are_the_curves() -> None:
    result = alone(own())
    assert {point.metric for point in result.points} == {
        *("train_loss", "train/loss_step", "valid_loss", "valid_acc", "test_loss", "test_acc")
    }
    assert len(curve(result, "valid_loss")) == len(curve(result, "train_loss")) == 3
    assert len(curve(result, "test_acc")) == 1
    assert set(result.weights) == {f"layers.{index}.{kind}" for index in (0, 2) for kind in ("weight", "bias")}


def test_a_curve_of_the_training_step_is_the_mean_over_the_rows_of_an_epoch() -> None:
    values = own("trainer.log_every_n_steps=1")
    result, rows = alone(values), len(build(values).splits.train)
    steps = np.array(curve(result, "train/loss_step")).reshape(3, -1)
    sizes = np.full(steps.shape[1], 16)
    sizes[-1] = rows - sizes[:-1].sum()
    np.testing.assert_allclose(curve(result, "train_loss"), steps @ sizes / rows, rtol=1e-6)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_fleet_has_the_curves_of_the_reference_engine(optimizer: str) -> None:
    runs = [own(f"optimizer={optimizer}", f"seed={seed}", "optimizer.lr=0.02") for seed in range(3)]
    assert refuse_model(runs[0]) is None
    together = fleet.train(assemble(runs))
    for member, values in enumerate(runs):
        expected = alone(values)
        assert curves_of(together, member) == pytest.approx(curves_of(expected), abs=1e-5)
        for name, weight in expected.weights.items():
            torch.testing.assert_close(together.weights[name][member], weight, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Hooked", "Hooked.on_train_epoch_end is for Lightning's Trainer alone"),
        ("Indexed", "its step uses batch_idx"),
        ("Annealed", "its step uses Lightning's Trainer"),
        ("Manual", "Manual takes its optimizer's steps itself"),
    ],
)
def test_what_needs_the_trainer_trains_alone_and_says_why(name: str, reason: str) -> None:
    values = of(name)
    check(values)
    assert reason in str(refuse_model(values))
    assert alone(values).outcome == "finished"


def test_what_the_hook_at_the_end_of_an_epoch_logs_is_a_curve() -> None:
    assert curve(alone(of("Hooked", "objective.metric=epochs_score")), "epochs_score") == [1, 2, 3]


def test_module_without_validation_and_test_is_trained() -> None:
    values = of("Unvalidated", "objective.metric=fit_loss")
    check(values)
    assert {point.metric for point in alone(values).points} == {"fit_loss", "train/loss_step"}
    assert refuse_model(values) is None
    assert {column.metric for column in fleet.train(assemble([values])).columns} == {"fit_loss", "train/loss_step"}


def test_its_own_optimizer_trains_it_if_asked() -> None:
    values = own("optimizer=own")
    check(values)
    assert "configure_optimizers" in str(refuse_optimizer(values))
    adam = alone(own("optimizer=adam", "optimizer.lr=0.05"))
    assert curve(alone(values), "train_loss") == curve(adam, "train_loss")
    assert curve(adam, "train_loss") != curve(alone(own("optimizer=sgd")), "train_loss")


def test_a_module_of_lightnings_own_demos_is_trained_unchanged() -> None:
    module = "model._target_=pytorch_lightning.demos.boring_classes.DemoModel"
    with pytest.raises(ConfigError, match="cannot be trained on a batch of"):
        check(own(module))  # it adds up a whole batch, targets, too


def test_seeds_and_weights_are_those_of_the_configuration() -> None:
    first, again, other = (build(own(f"seed={seed}")).module.state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["layers.0.weight"], other["layers.0.weight"])


def test_description_has_the_arguments_that_make_it_again() -> None:
    described = build(own("+model.hidden=5")).network
    assert json.loads(described["arguments"]) == {"hidden": 5, "features": 4}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["objective.metric=val_loss"], "must be one of valid_loss, valid_acc, train_loss, test_loss, test_acc"),
        (["optimizer=own", "+optimizer.lr=1"], "optimizer.lr=1: says nothing to"),
        (["optimizer=own", "schedule=cosine"], "is not used with optimizer=own"),
        (["optimizer=own", "model._target_=shared.own_modules.Unvalidated"], "needs a LightningModule with a conf"),
        (["+model.widht=3"], "has no argument widht"),
        (["+trainer.callbacks=[{_target_: builtins.dict}]"], "must make a .*Callback"),
        (["+trainer.callbacks=3"], "must be a list of callbacks"),
    ],
)
def test_wrong_values_are_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check(own(*overrides))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Pair", r"forward gives a tuple for n rows, and must give logits \(n,\) or \(n, 2\)"),
        ("Column", r"forward gives a tensor \(n, 1\) for n rows"),
        ("Wide", r"forward gives a tensor \(n, 7\)"),
        ("Narrow", r"cannot be trained on a batch of \(16, 4\) and \(16,\): RuntimeError: mat1 and mat2"),
        ("Lazy", r"layer \(LazyLinear\) has no shape yet"),
        ("Constant", "does not require grad"),
        ("Forwardless", 'missing the required "forward" function'),
        ("Empty", "has no parameters that can be trained"),
        ("Repeating", "logs loss in more than one of training, validation and test: give each a name of its own"),
        ("Normed", r"cannot be trained on a batch of \(1, 4\) and \(1,\): ValueError: Expected more than 1 value"),
    ],
)
def test_network_that_cannot_be_trained_is_refused_by_one_batch(name: str, message: str) -> None:
    size = "data.batch_size=397" if name == "Normed" else "data.batch_size=16"  # of 398 rows, one is left
    with pytest.raises(ConfigError, match=message):
        check(of(name, "objective.metric=val/loss", size))


class Counted(pl.Callback):
    """Counts the epochs of all trainings."""

    epochs = 0

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        Counted.epochs += 1


def test_callbacks_of_the_trainer_are_made_for_each_run() -> None:
    Counted.epochs = 0
    values = own(f"+trainer.callbacks=[{{_target_: {__name__}.Counted}}]")
    check(values)
    alone(values)
    alone(values)
    assert Counted.epochs == 6


def clouds(*overrides: str, module: str = "Clouds") -> dict[str, Any]:
    """The configuration of a run whose minibatches are a LightningDataModule's."""
    values = own(*overrides)
    target = f"shared.own_modules.{module}"
    return values | {"data": {"name": "clouds", "batch_size": 8, "_target_": target}}


def test_minibatches_of_a_data_module_are_its_own() -> None:
    values = clouds("trainer.log_every_n_steps=1")
    check(values)
    assert refuse_model(values) == "its LightningDataModule makes its own minibatches"
    result = alone(values)
    assert len(curve(result, "train/loss_step")) == 3 * 64 / 8
    assert {point.metric for point in result.points} == {"train_loss", "train/loss_step", "valid_loss", "valid_acc"}
    assert "mean" not in build(values).network


def test_minibatches_of_a_data_module_are_those_of_its_arguments() -> None:
    values = clouds()
    other = values | {"data": values["data"] | {"batch_size": 16}}
    assert build(values).splits.fingerprint != build(other).splits.fingerprint


def test_plain_network_takes_the_minibatches_of_a_data_module() -> None:
    values = clouds("model._target_=shared.own_modules.Network", "+model.features=4", "objective.metric=val/loss")
    check(values)
    assert curve(alone(values), "val/accuracy")[-1] > 0.6


def test_targets_of_a_data_module_that_the_loss_would_broadcast_or_take_for_classes_are_refused() -> None:
    words = ("model._target_=shared.own_modules.Flat", "+model.features=4", "objective.metric=val/loss")
    values = clouds(*words, module="Heights")
    with pytest.raises(
        ConfigError, match=r"forward gives predictions \(8,\) for targets \(8, 1\): they must be of one"
    ):
        check(values)
    with pytest.raises(ConfigError, match=r"logits \(n,\), for the classes 0 and 1, and the data has other targets"):
        check(values | {"data": values["data"] | {"whole": True}})
    of_columns = values["model"] | {"_target_": "shared.own_modules.Network", "outputs": 1}
    check(values | {"model": of_columns})


def test_several_loaders_of_a_split_have_curves_of_their_own() -> None:
    values = clouds(
        "objective.metric=valid_loss/dataloader_idx_1", "model._target_=shared.own_modules.Sided", module="TwoSides"
    )
    check(values)
    result = alone(values)
    for index in range(2):
        assert len(curve(result, f"valid_loss/dataloader_idx_{index}")) == 3


def test_data_module_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ConfigError, match="gives no minibatches: FileNotFoundError: no images here"):
        check(clouds(module="Unready"))
    with pytest.raises(ConfigError, match="suboptimality=true: needs data sets of rows"):
        check(clouds("trainer.suboptimality=true"))


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("torch.optim.Muon", "Muon only supports 2D parameters whereas we found a parameter with size"),
        ("torch.optim.SparseAdam", "SparseAdam does not support dense gradients"),
    ],
)
@pytest.mark.parametrize("module", ["Network", "Margins"])
def test_optimizer_that_cannot_take_the_parameters_is_refused(target: str, reason: str, module: str) -> None:
    metric = "val/loss" if module == "Network" else "valid_loss"
    words = (f"optimizer._target_={target}", "~optimizer.weight_decay", f"objective.metric={metric}")
    with pytest.raises(ConfigError, match=rf"optimizer._target_={target}: cannot train shared.*{module}: {reason}"):
        check(of(module, *words))


def test_optimizer_in_a_package_that_is_missing_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instantiation, "find_spec", lambda package: None)
    monkeypatch.setitem(sys.modules, "pytorch_optimizer", None)
    said = r"^optimizer=pytorch_optimizer.Lion: is in the package .* 'seedsweep\[optimizers\]'"
    with pytest.raises(ConfigError, match=said):
        check(seedsweep.resolve(config("tracking=none", "optimizer=lion", "+optimizer.maximize=false")))


def test_schedule_free_optimizers_evaluate_their_mean() -> None:
    """The validation of an epoch is that of the weights that are kept, not of those that the next step starts from."""
    words = ("tracking=none", "optimizer=schedule_free_adamw", "trainer.max_epochs=2", "trainer.norms=true")
    values = seedsweep.resolve(config(*words, "optimizer.lr=0.1"))
    job, result = build(values), alone(values)
    norm = torch.cat([value.flatten() for value in result.weights.values()]).norm().item()
    assert curve(result, "train/weight_norm")[-1] == pytest.approx(norm)
    pruned = job.train(prune=lambda points: True)
    assert pruned.outcome == "pruned"
    for ended in (result, pruned):
        job.module.net.load_state_dict(ended.weights)
        with torch.no_grad():
            loss = job.module.measure(job.splits.val.tensors)["loss"].item()
        assert curve(ended, "val/loss")[-1] == pytest.approx(loss, rel=1e-5)
