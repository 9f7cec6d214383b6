"""Dropout in a fleet: its masks are sampled before the step, as each member would sample them alone.

Alone, a run samples them with torch's global generator, set by its `order_seed`. Members of one order seed have the
same masks, and those of a column of the fleet share them as they share their minibatches.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from seedsweep.problem.splits import MODULE_STREAM

ELEMENTS = functional.dropout, torch.dropout
# of those that drop whole channels, the dimensions with which torch takes the first for rows, otherwise for channels
CHANNELS: dict[Any, Sequence[int]] = {functional.dropout1d: (3,), functional.dropout3d: (5,)}
CHANNELS[functional.dropout2d] = range(2, 100)  # always


class Mask(NamedTuple):
    """The mask of a dropout: of that shape and type, zero with a probability of `rate`."""

    shape: torch.Size
    rate: float
    dtype: torch.dtype

    def sample(self, generator: torch.Generator) -> Tensor:
        """A mask, with the operations of torch's own dropout on a CPU."""
        mask = torch.empty(self.shape, dtype=self.dtype).bernoulli_(1 - self.rate, generator=generator)
        return mask.div_(1 - self.rate)


class Dropout(TorchFunctionMode):
    """While it is on, dropout is a product with the mask that `mask_of` gives for a `Mask`."""

    def __init__(self, mask_of: Callable[[Mask], Tensor]):
        super().__init__()
        self.mask_of = mask_of

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function not in ELEMENTS and function not in CHANNELS:
            return function(*args, **kwargs)
        return self._drop(CHANNELS.get(function), *args, **kwargs)

    def _drop(
        self,
        batched: Sequence[int] | None,
        value: Tensor,
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,
    ) -> Tensor:
        if not training or p == 0:
            return value
        own = value.ndim if batched is None else 1 + (value.ndim in batched)
        shape = torch.Size((*value.shape[:own], *(1,) * (value.ndim - own)))
        factor: Any = 0 if p == 1 else self.mask_of(Mask(shape, p, value.dtype))
        return value.mul_(factor) if inplace else value * factor


class Masked(Dropout):
    """Dropout with these masks, one after the other."""

    def __init__(self, masks: Iterable[Tensor]):
        given = iter(masks)
        super().__init__(lambda mask: next(given))


@contextmanager
def noted_masks() -> Iterator[list[Mask]]:
    """Dropout that drops nothing; the list has the masks that it would have sampled."""
    noted: list[Mask] = []

    def note(mask: Mask) -> Tensor:
        noted.append(mask)
        return torch.ones(mask.shape, dtype=mask.dtype)

    with Dropout(note):
        yield noted


class Samplers:
    """What samples the masks of the members with these order seeds."""

    def __init__(self, seeds: Iterable[int]):
        self._generators = {seed: torch.Generator().manual_seed(MODULE_STREAM + seed) for seed in seeds}

    def sample(self, masks: Sequence[Mask], seeds: Sequence[int]) -> list[Tensor]:
        """The next masks, each (s, …) for the columns with these seeds (s,)."""
        if not masks:
            return []
        sampled: Mapping[int, list[Tensor]] = {
            seed: [mask.sample(generator) for mask in masks] for seed, generator in self._generators.items()
        }
        return [torch.stack([sampled[seed][index] for seed in seeds]) for index in range(len(masks))]

    def keep(self, seeds: Iterable[int]) -> None:
        """Go on with these seeds only."""
        self._generators = {seed: self._generators[seed] for seed in seeds}
