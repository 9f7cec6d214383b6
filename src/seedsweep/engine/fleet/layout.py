"""Where members of a fleet stand: in the rows of its parameters, and in the grid of those that share minibatches."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

VECTOR = 16  # numbers of 32 bits in the longest registers
COLUMN = 3  # members whose steps take as long as what a column takes besides its members


class Places:
    """The places of members with these optimizers and seeds of the order of their data.

    Rows (r) are sorted by optimizer, `parts` being (optimizer, slice of rows), each filled up to whole vectors of the
    processor, so that no member is computed among the leftovers, whose last bits may differ. `member` (r,) is -1 there.
    The grid is `cells` (k, s) of rows: the k members of a column have the same order of the data, that of its seed.
    """

    def __init__(self, optimizers: Sequence[Hashable], seeds: Sequence[int]):
        by_optimizer: dict[Hashable, list[int]] = {}
        by_seed: dict[int, list[int]] = {}
        for place, (optimizer, seed) in enumerate(zip(optimizers, seeds, strict=True)):
            by_optimizer.setdefault(optimizer, []).append(place)
            by_seed.setdefault(seed, []).append(place)
        rows: list[int] = []
        self.parts: list[tuple[Hashable, slice]] = []
        for key, places in by_optimizer.items():
            filled = places + [-1] * (-len(places) % VECTOR)
            self.parts.append((key, slice(len(rows), len(rows) + len(filled))))
            rows += filled
        self.member = np.array([*rows, -1])  # the last one for the cells that nobody needs
        self.row = np.empty(len(seeds), dtype=np.int64)
        self.row[self.member[self.member >= 0]] = np.flatnonzero(self.member >= 0)
        depth = _depth([len(places) for places in by_seed.values()])
        columns = [
            (seed, places[start : start + depth])
            for seed, places in by_seed.items()
            for start in range(0, len(places), depth)
        ]
        self.seeds = [seed for seed, _ in columns]
        self.cells = np.full((depth, len(columns)), len(rows))
        for column, (_, places) in enumerate(columns):
            self.cells[: len(places), column] = self.row[places]
        self.cell = np.zeros(len(self.member), dtype=np.int64)  # of each row; any for those without a member
        self.cell[self.cells.ravel()] = np.arange(self.cells.size)

    def values(self, members: Sequence[Any], dtype: torch.dtype) -> Tensor:
        """Vectors (n,) or numbers of the members, who share many, by rows: (r, n)."""
        unique = {id(value): value for value in members}
        place = {key: number for number, key in enumerate(unique)}
        index = np.array([place[id(value)] for value in members])[self.member]
        values = list(unique.values())
        table = (
            torch.stack(values)
            if isinstance(values[0], Tensor)
            else torch.tensor(values, dtype=torch.float64).unsqueeze(1)
        )
        return table.to(dtype)[index]


def _depth(sizes: Sequence[int]) -> int:
    """Of how many members a column is best, where so many share each seed: with few cells empty, and few columns."""
    members, often = np.unique(sizes, return_counts=True)
    depths = np.arange(1, members[-1] + 1)
    columns = often @ -(-members[:, None] // depths)
    return int(depths[np.argmin(columns * (depths + COLUMN))])
