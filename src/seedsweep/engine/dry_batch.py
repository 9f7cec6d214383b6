"""One batch through a model before anything is recorded: whether it can be trained, and which metrics it logs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD
from torch.utils._pytree import tree_leaves

from seedsweep.caching import cached
from seedsweep.engine.factories import decaying
from seedsweep.errors import ConfigError
from seedsweep.outcomes import SUBOPTIMALITY, RunResult
from seedsweep.problem.factories import Data, checked_model, data, learner, metrics_of_outputs, minibatches
from seedsweep.problem.lightning_classes import is_lightning_module
from seedsweep.problem.module import Learner, as_lightning, own_loss
from seedsweep.problem.own_batches import OwnBatches
from seedsweep.problem.splits import Splits

STAGES = ("train", "val", "test")


@cached
def metrics_of(
    model: Mapping[str, Any], dataset: Mapping[str, Any], has_own_optimizer: bool, asked: Any = None
) -> tuple[str, ...]:
    """Take one batch through a model, forth and back, and find the metrics that it will log.

    Args:
        model: the group of that name, plain.
        dataset: the group `data`.
        has_own_optimizer: whether a Lightning module is trained by its own `configure_optimizers`.
        asked: the key `metrics`.

    Returns:
        Their names, in the order in which they are logged.

    Raises:
        ConfigError: the model cannot be made or cannot be trained on the data, and why.
    """
    rows = data({"data": dataset})
    with torch.random.fork_rng(devices=[]):
        net = checked_model(model, rows)
        _check_parameters(model["_target_"], net)
        of_outputs = metrics_of_outputs({"model": model, "data": dataset, "metrics": asked}, rows)
        if is_lightning_module(type(net)):
            return _try_lightning(model["_target_"], net, rows, dataset, has_own_optimizer)
        quantities = [*_try_network(model["_target_"], net, list(_batches(rows, dataset)), rows), *of_outputs.computes]
        return (*(f"{stage}/{quantity}" for stage in STAGES for quantity in quantities), SUBOPTIMALITY)


@cached
def check_step(
    model: Mapping[str, Any], dataset: Mapping[str, Any], optimizer_config: Mapping[str, Any], decay_biases: bool
) -> None:
    """Check that an optimizer can take a step with the parameters of a model.

    Args:
        model: the group of that name, plain and checked.
        dataset: the group `data`.
        optimizer_config: the group `optimizer`, at any rate.
        decay_biases: whether its weight decay acts on all parameters, which are one group then, and not two.

    Raises:
        ConfigError: the step raises, and why.
    """
    rows = data({"data": dataset})
    with torch.random.fork_rng(devices=[]):
        config = {"model": model, "data": dataset, "init_seed": 0}
        module = learner(config, rows, decaying(optimizer_config, decay_biases))
        batch = next(_batches(rows, dataset))
        try:
            if isinstance(module, Learner):
                _step(module, batch)
            else:
                _train_one_batch(module, rows, dataset["batch_size"])
        except Exception as error:  # whatever a third party's optimizer raises
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            allowed = f"cannot train {model['_target_']}: {reason}"
            raise ConfigError("optimizer._target_", optimizer_config["_target_"], allowed) from error


def _step(module: Learner, batch: Any) -> None:
    stepped: Any = module.optimizer(module.parameters())
    if hasattr(stepped, "train"):  # as schedule-free ones want to be told
        stepped.train()

    def closure() -> Tensor:
        stepped.zero_grad()
        loss = module.measure(batch)["loss"]
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    closure()  # for those that take no closure, as in a fleet
    stepped.step(closure)


def _check_parameters(target: str, net: nn.Module) -> None:
    for name, parameter in net.named_parameters():
        if torch.nn.parameter.is_lazy(parameter):
            layer = name.rpartition(".")[0]
            allowed = f"{layer} ({type(net.get_submodule(layer)).__name__}) has no shape yet: give its sizes, since"
            raise ConfigError("model._target_", target, f"{allowed} weights are sampled before there is any data")
    if not any(parameter.requires_grad for parameter in net.parameters()):
        raise ConfigError("model._target_", target, "has no parameters that can be trained")


def _batches(rows: Data, dataset: Mapping[str, Any]) -> Iterator[Any]:
    """The first minibatch, and one that is as small as the last one of an epoch."""
    if isinstance(rows, OwnBatches):
        yield rows.first
        return
    size = dataset["batch_size"]
    yield rows.train[:size]
    if (last := len(rows.train) % size) and not dataset.get("drop_last"):
        yield rows.train[:last]


def _try_lightning(
    target: str, module: nn.Module, rows: Data, dataset: Mapping[str, Any], has_own_optimizer: bool
) -> tuple[str, ...]:
    """The metrics of a Lightning module: by a training, validation and test of one batch each, by the real Trainer."""
    still = None if has_own_optimizer else partial(SGD, lr=0.0)
    with _explained(target, next(_batches(rows, dataset))):
        result = _train_one_batch(as_lightning(module, still), rows, dataset["batch_size"])
    counts = Counter(point.metric for point in result.points)
    if repeated := [name for name, count in counts.items() if count > 1]:
        allowed = f"logs {repeated[0]} in more than one of training, validation and test: give each a name of its own"
        raise ConfigError("model._target_", target, f"{allowed}, such as val_{repeated[0]}")
    return tuple(counts)


def _train_one_batch(module: Any, rows: Data, batch_size: int) -> RunResult:
    from seedsweep.engine.lightning import train

    limits: dict[str, Any] = dict.fromkeys(("limit_train_batches", "limit_val_batches", "limit_test_batches"), 1)
    return train(module, minibatches(rows, 0, batch_size=batch_size), max_epochs=1, accelerator="cpu", **limits)


def _try_network(target: str, net: nn.Module, batches: Sequence[Any], rows: Data) -> list[str]:
    """The quantities that are measured of a network: by its loss of each of these minibatches."""
    learner = Learner(net, SGD, is_regression=rows.is_regression, class_weights=rows.class_weights)
    measured = dict[str, Tensor]()
    for batch in batches:
        with _explained(target, batch):
            if not own_loss(type(net)):
                output = net(batch[0])
                _check_output(target, output, len(batch[0]), rows)
                _check_own_target(target, output, batch[1], rows)
            measured = learner.measure(batch)
            measured["loss"].backward()  # type: ignore[no-untyped-call]
    return list(measured)


def _check_output(target: str, output: Any, count: int, rows: Data) -> None:
    """The output for so many rows has the shape of their logits or predictions, where the data says what that is."""
    if not isinstance(rows, Splits):
        return
    classes = len(rows.classes)
    shapes = [*([(count, classes)] if classes else []), *([(count,)] if classes in (0, 2) else [])]
    wanted = " or ".join("(n,)" if len(shape) == 1 else f"(n, {classes})" for shape in reversed(shapes))
    wanted = f"logits {wanted}" if classes else f"predictions {wanted}"
    if not isinstance(output, Tensor):
        given = f"a {type(output).__name__}"
    elif tuple(output.shape) not in shapes:
        given = f"a tensor ({', '.join(['n', *map(str, output.shape[1:])])})" if output.ndim else "a number"
        given = given.replace("(n)", "(n,)") if output.shape[:1] == (count,) else f"a tensor {tuple(output.shape)}"
    else:
        return
    raise ConfigError("model._target_", target, f"forward gives {given} for n rows, and must give {wanted}")


def _check_own_target(target: str, output: Any, given: Any, rows: Data) -> None:
    """The targets of minibatches of one's own are such that the loss takes each with one output, and as classes."""
    if isinstance(rows, Splits) or not isinstance(output, Tensor) or not isinstance(given, Tensor):
        return
    if rows.is_regression and output.shape != given.shape:
        shapes = f"{tuple(output.shape)} for targets {tuple(given.shape)}"
        raise ConfigError("model._target_", target, f"forward gives predictions {shapes}: they must be of one shape")
    if not rows.is_regression and output.ndim == 1 and not ((given == 0) | (given == 1)).all():
        allowed = "forward gives logits (n,), for the classes 0 and 1, and the data has other targets; for numbers"
        raise ConfigError("model._target_", target, f"{allowed} it needs a loss of its own")


@contextmanager
def _explained(target: str, batch: Any) -> Iterator[None]:
    """What a model raises becomes a refusal, with the batch that it was raised for."""
    try:
        yield
    except ConfigError:
        raise
    except NotImplementedError as error:
        raise ConfigError("model._target_", target, str(error).splitlines()[0]) from error
    except Exception as error:  # whatever a third party's model raises
        shapes = " and ".join(str(tuple(value.shape)) for value in tree_leaves(batch) if isinstance(value, Tensor))
        reason = (str(error).strip().splitlines() or [""])[0]
        allowed = f"cannot be trained on a batch of {shapes}: {type(error).__name__}: {reason}"
        if isinstance(batch, tuple) and len(batch[0]) == 1:  # the last one of an epoch, at which batch norm fails
            allowed += "; data.drop_last=true leaves out a last batch of one row, or take another data.batch_size"
        raise ConfigError("model._target_", target, allowed) from error
