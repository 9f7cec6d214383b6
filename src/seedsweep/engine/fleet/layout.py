"""Where members of a fleet are: in the rows of its parameters, and in the grid of those that share minibatches."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

VECTOR = 16  # numbers of 32 bits in the longest registers
COLUMN = 3  # members whose steps take as long as what a column takes besides its members


@dataclass(frozen=True, eq=False)
class Layout:
    """Which member is where. It never changes: when members leave, the fleet gets a new layout without them.

    Four kinds of index meet here:

    - A *member* is an index in the whole fleet; `members` (n,) are those that are laid out.
    - A *position* is an index in `members`.
    - A *row* is one of the parameters. Rows are sorted by optimizer: `blocks` are pairs of an optimizer and the slice
      of its rows. Each block is filled up to whole vectors of the processor, where its rows are not made of such: what
      is left over is computed by other code, whose last bits may differ. `row` (n,) is the row of each position, and
      `rows` (n,) the same on the device; `position` (r,) is the position in each row, -1 where the row only fills.
    - A *slot* is one of a grid of k times s. The members of a column have the same order of the data, that of its seed
      in `seeds` (s,). `slots` (k, s) is the row in each slot, `slot` (r,) the flat index of the slot of each row.
    """

    members: np.ndarray
    blocks: tuple[tuple[Hashable, slice], ...]
    row: np.ndarray
    position: np.ndarray
    seeds: tuple[int, ...]
    rows: Tensor
    slots: Tensor
    slot: Tensor

    def values(self, of_members: Sequence[Any], dtype: torch.dtype) -> Tensor:
        """By rows, (r, P), what the positions have, of which many share one: vectors (P,), or tuples, or numbers.

        A number stands for as many as the tuples have, of which there is one where there are no tuples.
        """
        unique = {id(value): value for value in of_members}
        number = {key: index for index, key in enumerate(unique)}
        index = np.array([number[id(value)] for value in of_members])[self.position]
        values = list(unique.values())
        if isinstance(values[0], Tensor):
            table = torch.stack(values)
        else:
            width = max((len(value) for value in values if isinstance(value, tuple)), default=1)
            rows = [value if isinstance(value, tuple) else (value,) * width for value in values]
            table = torch.from_numpy(np.array(rows, dtype=np.float64))
        return table.to(dtype)[index]

    def by_position(self, in_slots: Tensor, in_columns: Tensor) -> tuple[Tensor, Tensor]:
        """By positions, (n, …), what is in the slots (k, s, …), and what the columns (s, …) have."""
        slot = self.slot[self.rows]
        return in_slots.flatten(0, 1)[slot], in_columns[slot % len(in_columns)]

    def flags(self, of_members: np.ndarray) -> Tensor:
        """By rows, (r, 1), the booleans of the positions (n,); false where a row only fills."""
        rows = torch.from_numpy(of_members[self.position] & (self.position >= 0))
        return rows.unsqueeze(1).to(self.slots.device)


def lay_out(
    optimizers: Sequence[Hashable],
    seeds: Sequence[int],
    members: np.ndarray | None = None,
    device: torch.device | str = "cpu",
    width: int = 1,
) -> Layout:
    """The layout of members with these optimizers and order seeds, both (n,).

    `members` (n,) are their indices in the fleet, by default all of it; `device` is that of the parameters,
    of which each row has `width`.
    """
    by_optimizer: dict[Hashable, list[int]] = {}
    by_seed: dict[int, list[int]] = {}
    for position, (optimizer, seed) in enumerate(zip(optimizers, seeds, strict=True)):
        by_optimizer.setdefault(optimizer, []).append(position)
        by_seed.setdefault(seed, []).append(position)
    blocks, positions = _rows(by_optimizer, VECTOR // math.gcd(VECTOR, width))
    row = np.empty(len(seeds), dtype=np.int64)
    row[positions[positions >= 0]] = np.flatnonzero(positions >= 0)
    columns, slots = _grid(by_seed, row, filling=len(positions) - 1)
    slot = np.zeros(len(positions), dtype=np.int64)  # any slot will do for the rows without a member
    slot[slots.ravel()] = np.arange(slots.size)
    on_device = (torch.from_numpy(array).to(device) for array in (row, slots, slot))
    laid_out = np.arange(len(seeds)) if members is None else members
    return Layout(laid_out, blocks, row, positions, columns, *on_device)


def _rows(
    by_optimizer: dict[Hashable, list[int]], multiple: int
) -> tuple[tuple[tuple[Hashable, slice], ...], np.ndarray]:
    """The blocks of a multiple of rows, and the position in each row; the last row is that of the empty slots."""
    blocks: list[tuple[Hashable, slice]] = []
    rows: list[int] = []
    for optimizer, positions in by_optimizer.items():
        filled = positions + [-1] * (-len(positions) % multiple)
        blocks.append((optimizer, slice(len(rows), len(rows) + len(filled))))
        rows += filled
    return tuple(blocks), np.array([*rows, -1])


def _grid(by_seed: dict[int, list[int]], row: np.ndarray, filling: int) -> tuple[tuple[int, ...], np.ndarray]:
    """The seed of each column, and the row in each slot (k, s), which is `filling` where there is no member."""
    depth = _depth([len(positions) for positions in by_seed.values()])
    columns = [
        (seed, positions[start : start + depth])
        for seed, positions in by_seed.items()
        for start in range(0, len(positions), depth)
    ]
    slots = np.full((depth, len(columns)), filling)
    for column, (_, positions) in enumerate(columns):
        slots[: len(positions), column] = row[positions]
    return tuple(seed for seed, _ in columns), slots


def _depth(sizes: Sequence[int]) -> int:
    """How many members a column had best have, where `sizes` share a seed: few empty slots, and few columns."""
    members, count = np.unique(sizes, return_counts=True)
    depths = np.arange(1, members[-1] + 1)
    columns = count @ -(-members[:, None] // depths)
    return int(depths[np.argmin(columns * (depths + COLUMN))])
