"""What a network is trained on: the loss of its outputs."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy


def of_regression(predictions: Tensor, target: Tensor) -> dict[str, Tensor]:
    """The loss of a minibatch of a regression.

    Args:
        predictions: (n,).
        target: numbers (n,).

    Returns:
        `loss`, the mean of the squared errors.
    """
    return {"loss": (predictions - target).square().mean()}  # `mse_loss` fails within two of torch.func.vmap


def of_classes(output: Tensor, target: Tensor, class_weights: Tensor | None = None) -> dict[str, Tensor]:
    """Loss and accuracy of a minibatch with classes.

    Args:
        output: logits (n,) of the second of two classes, or (n, k).
        target: the classes (n,).
        class_weights: (k,), how much a row of each class weighs in the loss, as in `torch.nn.CrossEntropyLoss`.

    Returns:
        Means over the rows: `loss`, the cross-entropy in nats, and `accuracy`.
    """
    reduction = "mean" if class_weights is None else "none"
    if output.ndim == 1:
        loss = binary_cross_entropy_with_logits(output, target.to(output.dtype), reduction=reduction)
        correct = (output > 0) == (target > 0)
    else:
        loss = cross_entropy(output, target, reduction=reduction)
        correct = output.argmax(dim=1) == target
    if class_weights is not None:
        weights = torch.take(class_weights, target.long())
        loss = (weights * loss).sum() / weights.sum()
    return {"loss": loss, "accuracy": correct.float().mean()}
