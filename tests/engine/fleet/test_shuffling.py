"""In which order the training rows come."""

from dataclasses import replace

import pytest
import torch
from shared.fleets import splits
from torch.utils.data import TensorDataset

from seedsweep.engine.fleet.shuffling import Shuffles
from seedsweep.problem.data_module import DataModule


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("batch_size", [5, 11])
def test_orders_are_those_of_the_loaders_whoever_is_kept(batch_size: int, drop_last: bool) -> None:
    rows = replace(splits("iris"), train=TensorDataset(torch.arange(33)))
    shuffles = Shuffles(range(3), 33, batch_size, drop_last)
    modules = [DataModule(rows, batch_size, seed, drop_last=drop_last) for seed in range(3)]
    loaders = [module.train_dataloader() for module in modules]
    for epoch in range(4):
        if epoch == 2:
            shuffles.keep([2, 0])
        actual = shuffles.next_orders()
        assert set(actual) == ({0, 1, 2} if epoch < 2 else {0, 2})
        for seed, loader in enumerate(loaders):
            expected = torch.cat([x for _, (x,) in zip(range(len(loader)), loader, strict=False)])
            assert seed not in actual or torch.equal(actual[seed], expected)
