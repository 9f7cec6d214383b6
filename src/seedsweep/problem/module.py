"""The module of a run: a LightningModule of one's own, or one around a network, with loss, accuracy and optimizer."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from seedsweep.problem.lightning_classes import is_lightning_module
from seedsweep.problem.losses import of_classes, of_regression

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]
MakeSchedule = Callable[[Optimizer], LRScheduler]


def own_loss(kind: type) -> bool:
    """Whether networks have a loss of their own, and thus no accuracy.

    Args:
        kind: their class.

    Returns:
        Whether it has a method `loss`, of the tensors of a minibatch.
    """
    return callable(getattr(kind, "loss", None))


def as_lightning(
    net: nn.Module,
    optimizer: MakeOptimizer | None,
    schedule: MakeSchedule | None = None,
    interval: str = "epoch",
    **options: Any,
) -> "LightningModule":
    """The Lightning module that trains a network, by Lightning's Trainer.

    Args:
        net: a network, or a Lightning module, which is trained by its own steps.
        optimizer: makes the optimizer of parameters; None for that of the module's own `configure_optimizers`.
        schedule: makes the schedule of the learning rate, if there is one.
        interval: when the schedule takes a step, after each `epoch` or each `step` of the optimizer.
        options: of a `Learner`.

    Returns:
        A `LightningLearner` around the network; a Lightning module as it is, but for its optimizer.
    """
    if not is_lightning_module(type(net)):
        from seedsweep.problem.lightning_learner import LightningLearner

        assert optimizer  # noqa: S101  as `engine.validation` has seen to
        return LightningLearner(net, optimizer, schedule, interval, **options)
    module: Any = net
    if optimizer:
        module.configure_optimizers = partial(optimization, module, optimizer, schedule, interval)
    return module  # type: ignore[no-any-return]


def trained(module: nn.Module) -> nn.Module:
    """The network that a module trains, whose weights are kept.

    Args:
        module: a `Learner`, or a Lightning module of one's own.

    Returns:
        The network that the module is around, or the module itself where it is one's own.
    """
    return module.net if isinstance(module, Learner) else module


def state_on_cpu(module: nn.Module) -> dict[str, Tensor]:
    """The state dict of the network that a module trains, copied.

    Args:
        module: a `Learner`, or a Lightning module of one's own.

    Returns:
        Tensors by name, on the CPU.
    """
    return {name: value.detach().cpu().clone() for name, value in trained(module).state_dict().items()}


def optimization(module: nn.Module, make: MakeOptimizer, schedule: MakeSchedule | None, interval: str) -> Any:
    """What `configure_optimizers` of a Lightning module returns.

    Args:
        module: whose parameters are trained.
        make: makes their optimizer.
        schedule: makes the schedule of the learning rate, if there is one.
        interval: when the schedule takes a step.

    Returns:
        The optimizer, and the schedule as Lightning has it.
    """
    optimizer = make(module.parameters())
    if schedule is None:
        return {"optimizer": optimizer}
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule(optimizer), "interval": interval}}


class Learner(nn.Module):
    """Steps that train `net` on the cross-entropy or the squared error of its outputs, or on its own method `loss`.

    Whoever takes the steps gives it a method `log`: a fleet, or Lightning, whose module a `LightningLearner` is.

    Args:
        net: from features (n, d) to outputs (n,) or (n, k).
        optimizer: makes the optimizer of parameters.
        schedule: makes the schedule of the learning rate, if there is one.
        interval: when the schedule takes a step, after each `epoch` or each `step` of the optimizer.
        is_regression: whether the targets are numbers.
        class_weights: (k,) of the loss; None where all rows weigh the same.
        keeps_outputs: whether the outputs of an epoch are kept, for metrics of all its rows together.
    """

    class_weights: Tensor | None
    log: Callable[..., None]

    def __init__(
        self,
        net: nn.Module,
        optimizer: MakeOptimizer,
        schedule: MakeSchedule | None = None,
        interval: str = "epoch",
        *,
        is_regression: bool = False,
        class_weights: Tensor | None = None,
        keeps_outputs: bool = False,
    ):
        super().__init__()
        self.net, self.optimizer, self.schedule, self.interval = net, optimizer, schedule, interval
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.is_regression, self.keeps_outputs = is_regression, keeps_outputs
        self.outputs: dict[str, list[tuple[Tensor, Tensor]]] = {}  # and targets, by their stage

    def training_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> Tensor:
        return self._score(batch, "train")

    def validation_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> None:
        self._score(batch, "val")

    def test_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> None:
        self._score(batch, "test")

    def _score(self, batch: tuple[Tensor, ...], stage: str) -> Tensor:
        values = {f"{stage}/{quantity}": value for quantity, value in self.measure(batch, stage).items()}
        for name, value in values.items():
            self.log(name, value, on_step=False, on_epoch=True, batch_size=len(batch[0]))
        return values[f"{stage}/loss"]

    def measure(self, batch: tuple[Tensor, ...], stage: str | None = None) -> dict[str, Tensor]:
        """Loss and accuracy of a minibatch.

        Args:
            batch: features (n, d) and target (n,), or whatever the network's own loss takes.
            stage: for which the outputs are kept, if they are to be.

        Returns:
            Means over the rows, by their names.
        """
        if own_loss(type(self.net)):
            net: Any = self.net
            return {"loss": net.loss(*batch)}
        features, target = batch
        output = self.net(features)
        if stage and self.keeps_outputs:
            self.keep_output(stage, output.detach(), target)
        return of_regression(output, target) if self.is_regression else of_classes(output, target, self.class_weights)

    def keep_output(self, stage: str, output: Tensor, target: Tensor) -> None:
        """Keep the outputs of a minibatch until the epoch's metrics are computed; a fleet does so in its own way."""
        self.outputs.setdefault(stage, []).append((output, target))
