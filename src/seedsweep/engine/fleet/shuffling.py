"""The orders in which the seeds of a fleet see the training rows."""

from collections.abc import Iterable

import torch
from torch import Tensor

from seedsweep.problem.splits import ORDER_STREAM


class Shuffles:
    """Shuffles of the training rows, each seed's as its DataLoader shuffles them (see `DataModule`)."""

    def __init__(self, seeds: Iterable[int], rows: int, batch_size: int, drop_last: bool):
        self._generators = {seed: torch.Generator().manual_seed(ORDER_STREAM + seed) for seed in seeds}
        self._rows, self._remainder, self._drop_last = rows, rows % batch_size, drop_last

    def next_orders(self) -> dict[int, Tensor]:
        """The next order of each seed: positions of rows (n,)."""
        return {seed: self._next(generator) for seed, generator in self._generators.items()}

    def keep(self, seeds: Iterable[int]) -> None:
        """Go on with these seeds only; their orders are those that they would have had."""
        self._generators = {seed: self._generators[seed] for seed in seeds}

    def _next(self, generator: torch.Generator) -> Tensor:
        torch.empty((), dtype=torch.int64).random_(generator=generator)  # the loader's seed for its workers
        order = torch.randperm(self._rows, generator=generator)
        if (
            self._remainder and not self._drop_last
        ):  # the last minibatch is not full, so that the sampler is read to its end
            torch.randperm(self._rows, generator=generator)
        return order[: self._rows - self._remainder] if self._drop_last else order
