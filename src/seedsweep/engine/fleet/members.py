"""What a fleet is made of, before it trains: its members, and what they have in common."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seedsweep.engine.early_stopping import StoppingRule
from seedsweep.engine.fleet.clipping import Clipping
from seedsweep.engine.fleet.shared_optimizer import OptimizerRows
from seedsweep.engine.fleet.vectorize import Vectorized
from seedsweep.engine.scheduling import Rate
from seedsweep.engine.target import Target
from seedsweep.problem.epoch_metrics import EpochMetrics
from seedsweep.problem.splits import Splits

if TYPE_CHECKING:
    from seedsweep.engine.curves import MeasureGap


@dataclass(frozen=True)
class Member:
    """One run of a fleet: what it differs in from the others.

    `weights` are its initial parameters (P,), and `kept` what else its module starts with. `optimizer` is the key of
    its optimizer, and `rates` has its learning rate in each epoch, as many as it trains, or those of the steps in each.
    `gap` measures its suboptimality after every epoch.
    """

    weights: Tensor
    order_seed: int
    optimizer: Hashable
    rates: tuple[Rate, ...]
    gap: "MeasureGap | None" = None
    kept: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass
class Fleet:
    """Runs that can be trained together: one module, data set and way to batch it (see `DataModule`).

    `optimizers` are those of the members, each in one part for all columns of the parameters, or in several.
    """

    module: Vectorized
    splits: Splits
    batch_size: int
    optimizers: Mapping[Hashable, Sequence[OptimizerRows]]
    members: list[Member]
    reshuffle: bool = True
    drop_last: bool = False
    log_every_n_steps: int = 50
    divergence_threshold: float | None = None
    stopping: StoppingRule | None = None
    norms: bool = False
    clipping: Clipping | None = None
    metrics: EpochMetrics | None = None
    target: Target | None = None
    device: torch.device | str = "cpu"
    dtype: torch.dtype = torch.float32
