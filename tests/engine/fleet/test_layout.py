"""Where the members of a fleet are."""

import random

import pytest
import torch

from seedsweep.engine.fleet.layout import VECTOR, lay_out


def sampled(members: int, seeds: int) -> tuple[list[str], list[int]]:
    """An optimizer and an order seed for each member."""
    generator = random.Random(members)
    return generator.choices("abc", k=members), generator.choices(range(seeds), k=members)


@pytest.mark.parametrize(("members", "seeds"), [(1, 1), (16, 1), (40, 7), (40, 100), (300, 20), (1000, 3)])
def test_every_member_has_one_row_and_one_slot(members: int, seeds: int) -> None:
    optimizers, orders = sampled(members, seeds)
    layout = lay_out(optimizers, orders)
    assert layout.position[layout.row].tolist() == list(range(members))
    for optimizer, rows in layout.blocks:
        positions = layout.position[rows]
        assert len(positions) % VECTOR == 0
        assert {optimizers[member] for member in positions[positions >= 0]} == {optimizer}
    assert layout.position[-1] == -1
    for column, seed in enumerate(layout.seeds):
        positions = layout.position[layout.slots[:, column]]
        assert {orders[member] for member in positions[positions >= 0]} == {seed}
    taken = layout.position[layout.slots]
    assert sorted(taken[taken >= 0]) == list(range(members))
    assert (layout.slots.ravel()[layout.slot[layout.row]] == layout.row).all()


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
def test_grid_has_few_empty_slots_and_few_columns(sizes: list[int], shape: tuple[int, int]) -> None:
    seeds = [seed for seed, size in enumerate(sizes) for _ in range(size)]
    assert lay_out(["sgd"] * len(seeds), seeds).slots.shape == shape


def test_values_are_in_the_rows_of_their_members() -> None:
    optimizers, orders = sampled(40, 7)
    layout, shared = lay_out(optimizers, orders), torch.ones(3)
    weights = [shared if member % 2 else torch.full((3,), float(member)) for member in range(40)]
    assert torch.equal(layout.values(weights, torch.float32)[layout.row], torch.stack(weights))
    assert layout.values(list(range(40)), torch.float64)[layout.row].flatten().tolist() == list(range(40))
