"""Metrics of all rows of a split together, which no mean over minibatches gives: by torchmetrics, for many runs."""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from seedsweep.config.instantiation import make
from seedsweep.errors import ConfigError
from seedsweep.metrics import stated_direction
from seedsweep.problem.splits import Splits
from seedsweep.validation import check_choice, choice_error

KEY = "metrics"
MEASURED = ("loss", "accuracy")  # anyway, as means over the rows
TAKEN = (*MEASURED, "loss_step", "stopped_epoch", "gradient_norm", "weight_norm", "suboptimality")  # of other curves
# Functions of torchmetrics, by what they take. Those of labels take several runs at once, the next ones do not.
OF_LABELS = {name: name for name in ("precision", "recall", "specificity")} | {"f1": "f1_score"}
OF_CLASSES = ("balanced_accuracy",)
OF_LABELS_ALONE = {"cohen_kappa": "cohen_kappa", "jaccard": "jaccard_index", "matthews_corrcoef": "matthews_corrcoef"}
OF_SCORES = {name: name for name in ("auroc", "average_precision", "calibration_error")}
OF_NUMBERS = {"mse": "mean_squared_error", "mae": "mean_absolute_error", "r2": "r2_score"}
OF_NUMBERS |= {"rmse": "mean_squared_error", "explained_variance": "explained_variance"}
CLASSIFICATION, REGRESSION = (*OF_LABELS, *OF_CLASSES, *OF_LABELS_ALONE, *OF_SCORES), tuple(OF_NUMBERS)
USUAL_OF_REGRESSION = ("mse", "mae", "r2")
MOST = 2**22  # outputs that are looked at together; only memory depends on it

Compute = Callable[[Tensor, Tensor], Tensor]  # outputs (m, n, …) and targets (m, n) to values (m,)


@dataclass(frozen=True)
class EpochMetrics:
    """Metrics by their names, computed of what networks have given for all rows of a split.

    `scaling` is what standardisation subtracted from a regression's target and divided it by.
    """

    computes: Mapping[str, Compute]
    scaling: tuple[float, float] = (0.0, 1.0)

    def __bool__(self) -> bool:
        return bool(self.computes)

    def values(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """The metrics of each of several runs, of which none changes a bit with the others.

        Args:
            outputs: of the networks, (m, n, …).
            targets: of the same rows, (m, n).

        Returns:
            (m,) float64 by name, on the CPU; in the units of the data.
        """
        size = max(1, MOST // max(1, outputs[0].numel()))
        chunks = zip(torch.split(outputs, size), torch.split(targets, size), strict=True)
        parts = [list(self._of_some(some.cpu().double(), target.cpu())) for some, target in chunks]
        return {name: torch.cat(values).double() for name, *values in zip(self.computes, *parts, strict=True)}

    def _of_some(self, outputs: Tensor, targets: Tensor) -> Iterator[Tensor]:
        if targets.is_floating_point():
            mean, scale = self.scaling
            outputs, targets = outputs * scale + mean, targets.double() * scale + mean
        for compute in self.computes.values():
            yield compute(outputs, targets)  # of 64 bits, in which fewer probabilities near 1 are equal


def epoch_metrics(asked: Any, splits: Splits) -> EpochMetrics:
    """The metrics that are measured besides the means of loss and accuracy.

    Args:
        asked: names, or mappings with the `_target_` of a `torchmetrics.Metric`, its arguments, and a `name`; None for
            those that are usual.
        splits: the data.

    Returns:
        What computes them.

    Raises:
        ConfigError: there is no such metric, or it has no value on a split.
    """
    usual = list(USUAL_OF_REGRESSION if splits.is_regression else ())
    items = usual if asked is None else [asked] if isinstance(asked, str) else asked
    if not isinstance(items, list):
        raise ConfigError(KEY, items, "must be a list of metrics, such as [f1,auroc]")
    computes = dict[str, Compute]()
    for item in items:
        name, compute = _own(item) if isinstance(item, dict) else (str(item), _named(str(item), splits))
        if name in computes:
            raise ConfigError(KEY, name, "is named twice")
        if compute:
            computes[name] = compute
    metrics = EpochMetrics(computes, splits.target_scaling)
    _try(metrics, splits)
    return metrics


def _named(name: str, splits: Splits) -> Compute | None:
    """What computes a metric of that name; None of what is measured anyway."""
    from torchmetrics import functional

    if splits.is_regression:
        check_choice(KEY, name, REGRESSION)
        return partial(_of_numbers, getattr(functional, OF_NUMBERS[name]), name)
    if name in MEASURED:
        return None
    if name not in CLASSIFICATION:
        raise choice_error(KEY, name, CLASSIFICATION)
    classes = len(splits.classes)
    task = {"task": "binary"} if classes == 2 and name not in OF_CLASSES else {"task": "multiclass"}
    options: dict[str, Any] = task | {"num_classes": classes, "validate_args": False}
    if name in OF_CLASSES:
        recall = partial(functional.recall, **options, average="none", multidim_average="samplewise")
        return partial(_of_labels, partial(_over_classes, recall))
    if name in OF_LABELS:
        options |= {"average": "macro", "multidim_average": "samplewise"}
        return partial(_of_labels, partial(getattr(functional, OF_LABELS[name]), **options))
    if name in OF_LABELS_ALONE:
        one_by_one = partial(getattr(functional, OF_LABELS_ALONE[name]), **options)
        return partial(_of_labels, partial(_of_each, one_by_one))
    return partial(_of_scores, partial(getattr(functional, OF_SCORES[name]), **options))


def _own(item: Mapping[str, Any]) -> tuple[str, Compute]:
    """A metric of torchmetrics' classes, or of one's own that inherits from theirs."""
    from torchmetrics import Metric

    if "_target_" not in item:
        raise ConfigError(KEY, item, "must be a name, or have the _target_ of a torchmetrics.Metric")
    options = {key: value for key, value in item.items() if key != "name"}
    metric: Any = make(KEY, options, Metric)
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(metric).__name__).lower()
    if stated_direction(words) is None and metric.higher_is_better is not None:
        words += "_score" if metric.higher_is_better else "_error"  # so that the end of the name says it
    name = str(item.get("name", words))
    if not re.fullmatch(r"[\w.-]+", name):
        raise ConfigError(f"{KEY}.name", name, "must be of letters, digits, and _.-")
    if name in TAKEN:
        raise ConfigError(f"{KEY}.name", name, "is the name of another curve: give it one of its own")

    def compute(scores: Tensor, target: Tensor) -> Tensor:
        metric.reset()
        metric.update(scores, target)
        return torch.as_tensor(metric.compute())

    return name, partial(_of_scores, compute)


def _of_labels(function: Compute, outputs: Tensor, targets: Tensor) -> Tensor:
    labels = (outputs > 0).long() if outputs.ndim == targets.ndim else outputs.argmax(dim=-1)
    return function(labels, targets).reshape(len(targets))  # torchmetrics drops the dimension of a single run


def _over_classes(recall: Compute, labels: Tensor, targets: Tensor) -> Tensor:
    """The mean of the recall over the classes that the rows have: torchmetrics counts those they lack as missed."""
    by_class = recall(labels, targets).reshape(len(targets), -1)
    present = torch.stack([(targets == label).any(dim=1) for label in range(by_class.shape[1])], dim=1)
    return (by_class * present).sum(dim=1) / present.sum(dim=1)


def _of_scores(function: Compute, outputs: Tensor, targets: Tensor) -> Tensor:
    """Of probabilities, those of the second of two classes, or of all; of a regression of the predictions."""
    if targets.is_floating_point():
        return _of_each(function, outputs, targets)
    scores = outputs.sigmoid() if outputs.ndim == targets.ndim else outputs.softmax(dim=-1)
    is_of_both = outputs.ndim > targets.ndim and outputs.shape[-1] == 2
    return _of_each(function, scores[..., 1].contiguous() if is_of_both else scores, targets)


def _of_each(function: Compute, values: Tensor, targets: Tensor) -> Tensor:
    return torch.stack([function(value, target) for value, target in zip(values, targets, strict=True)])


def _of_numbers(function: Callable[..., Tensor], name: str, outputs: Tensor, targets: Tensor) -> Tensor:
    """Runs are what torchmetrics calls outputs: the columns of a view, so that each is summed as it would be alone."""
    options: dict[str, Any] = {"num_outputs": len(outputs)} if name in ("mse", "mae", "rmse") else {}
    options |= {"squared": False} if name == "rmse" else {}
    options |= {"multioutput": "raw_values"} if name in ("r2", "explained_variance") else {}
    return function(outputs.T, targets.T, **options).reshape(len(outputs))


def _try(metrics: EpochMetrics, splits: Splits) -> None:
    """Compute the metrics once for each split, of made-up outputs."""
    generator = torch.Generator().manual_seed(0)
    for split, rows in (("training", splits.train), ("validation", splits.val), ("test", splits.test)):
        target = rows.tensors[1].unsqueeze(0)
        shape = (*target.shape, len(splits.classes)) if len(splits.classes) > 2 else target.shape
        for name, compute in metrics.computes.items():
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    outputs = torch.randn(shape, generator=generator, dtype=torch.float64)
                    value, again = compute(outputs, target), compute(outputs, target)
            except Exception as error:  # whatever a third party's metric raises, or warns of
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
                raise ConfigError(KEY, name, f"has no value on the {split} rows: {reason}") from error
            if value.shape != (1,) or not value.isfinite().all():
                raise ConfigError(KEY, name, f"is no finite number on the {split} rows")
            if not torch.equal(value, again):
                allowed = (
                    "keeps something after its reset(), or draws: of the same outputs it is another the second time"
                )
                raise ConfigError(KEY, name, allowed)
