"""Where the members of a fleet stand, and in which order their data comes."""

import random
from dataclasses import replace

import pytest
import torch
from shared.fleets import splits
from torch.utils.data import TensorDataset

from seedsweep.engine.fleet.layout import VECTOR, lay_out
from seedsweep.engine.fleet.shuffling import Shuffles
from seedsweep.problem.data_module import DataModule


def drawn(members: int, seeds: int) -> tuple[list[str], list[int]]:
    draw = random.Random(members)
    return draw.choices("abc", k=members), draw.choices(range(seeds), k=members)


@pytest.mark.parametrize(("members", "seeds"), [(1, 1), (16, 1), (40, 7), (40, 100), (300, 20), (1000, 3)])
def test_every_member_has_one_row_and_one_cell(members: int, seeds: int) -> None:
    optimizers, orders = drawn(members, seeds)
    layout = lay_out(optimizers, orders)
    assert layout.position[layout.row].tolist() == list(range(members))
    for optimizer, rows in layout.parts:
        positions = layout.position[rows]
        assert len(positions) % VECTOR == 0
        assert {optimizers[member] for member in positions[positions >= 0]} == {optimizer}
    assert layout.position[-1] == -1
    for column, seed in enumerate(layout.seeds):
        positions = layout.position[layout.cells[:, column]]
        assert {orders[member] for member in positions[positions >= 0]} == {seed}
    taken = layout.position[layout.cells]
    assert sorted(taken[taken >= 0]) == list(range(members))
    assert (layout.cells.ravel()[layout.cell[layout.row]] == layout.row).all()


@pytest.mark.parametrize(
    ("sizes", "shape"),
    [
        ([60] * 100, (60, 100)),
        ([1] * 50, (1, 50)),
        ([7], (7, 1)),
        ([60, 60, 20], (20, 7)),
        ([23, 15, 14, 11, 18], (15, 7)),
    ],
)
def test_grid_has_few_empty_cells_and_few_columns(sizes: list[int], shape: tuple[int, int]) -> None:
    seeds = [seed for seed, size in enumerate(sizes) for _ in range(size)]
    assert lay_out(["sgd"] * len(seeds), seeds).cells.shape == shape


def test_values_stand_in_the_rows_of_their_members() -> None:
    optimizers, orders = drawn(40, 7)
    layout, first = lay_out(optimizers, orders), torch.ones(3)
    weights = [first if member % 2 else torch.full((3,), float(member)) for member in range(40)]
    assert torch.equal(layout.values(weights, torch.float32)[layout.row], torch.stack(weights))
    assert layout.values(list(range(40)), torch.float64)[layout.row].flatten().tolist() == list(range(40))


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("batch_size", [5, 11])
def test_orders_are_those_of_the_loaders_whoever_is_kept(batch_size: int, drop_last: bool) -> None:
    rows = replace(splits("iris"), train=TensorDataset(torch.arange(33)))
    orders = Shuffles(range(3), 33, batch_size, drop_last)
    modules = [DataModule(rows, batch_size, seed, drop_last=drop_last) for seed in range(3)]
    loaders = [module.train_dataloader() for module in modules]
    for epoch in range(4):
        if epoch == 2:
            orders.keep([2, 0])
        actual = orders.draw()
        assert set(actual) == ({0, 1, 2} if epoch < 2 else {0, 2})
        for seed, loader in enumerate(loaders):
            expected = torch.cat([x for _, (x,) in zip(range(len(loader)), loader, strict=False)])
            assert seed not in actual or torch.equal(actual[seed], expected)
