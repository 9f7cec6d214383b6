"""Muon as one optimizer of all parameters of a model: the matrices by Muon, the others by its AdamW."""

from collections.abc import Iterable, Sequence
from typing import Any

from torch import nn
from torch.optim import Optimizer

from seedsweep.config.instantiation import check_installed

Parameters = Iterable[nn.Parameter] | Iterable[dict[str, Any]]


def muon(
    params: Parameters,
    lr: float = 0.01,
    momentum: float = 0.95,
    weight_decay: float = 0.0,
    nesterov: bool = True,
    ns_steps: int = 5,
    betas: Sequence[float] = (0.9, 0.95),
    eps: float = 1e-10,
) -> Optimizer:
    """Make `pytorch_optimizer.Muon`, whose matrices move by steps of the size of AdamW's, so that one rate serves both.

    Args:
        params: parameters, or groups of them, which may have values of their own.
        lr: the learning rate of all.
        momentum: of the matrices.
        weight_decay: decoupled, of all parameters.
        nesterov: whether that momentum is Nesterov's.
        ns_steps: iterations of Newton and Schulz that make a step orthogonal.
        betas: of the AdamW of the others: biases, and what else has fewer than two dimensions.
        eps: of that AdamW.

    Returns:
        The optimizer.

    Raises:
        ConfigError: the package is not installed.
    """
    check_installed("optimizer", "pytorch_optimizer.Muon")
    from pytorch_optimizer import Muon  # its import takes a second, and few need it

    common: dict[str, Any] = {"lr": lr, "weight_decay": weight_decay}
    of_matrices: dict[str, Any] = {
        "use_muon": True,
        "use_adjusted_lr": True,
        "momentum": momentum,
        "nesterov": nesterov,
    }
    of_others: dict[str, Any] = {"use_muon": False, "betas": tuple(betas), "eps": eps}
    kinds = {True: of_matrices | {"ns_steps": ns_steps}, False: of_others}
    groups = []
    for group in _groups(params):
        for is_matrix, options in kinds.items():
            values = [value for value in group["params"] if (value.ndim > 1) is is_matrix]
            if values:
                groups.append(common | options | group | {"params": values})
    return Muon(groups, lr=lr)


def _groups(params: Parameters) -> list[dict[str, Any]]:
    every: list[Any] = list(params)
    groups = every if every and isinstance(every[0], dict) else [{"params": every}]
    return [group | {"params": list(group["params"])} for group in groups]
