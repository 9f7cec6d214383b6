"""The minibatches of splits, as Lightning's Trainer takes them."""

from collections.abc import Iterator

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, Sampler, SequentialSampler, TensorDataset

from seedsweep.problem.splits import ORDER_STREAM, Splits, evaluation_rows

Batches = DataLoader[tuple[Tensor, ...]]


class DataModule(LightningDataModule):
    """Minibatches of `splits`; the training rows are shuffled with `order_seed`, again for each epoch.

    Without `reshuffle`, all epochs have the order of the first. With `drop_last`, they have full minibatches only.
    """

    def __init__(
        self,
        splits: Splits,
        batch_size: int = 16,
        order_seed: int = 0,
        *,
        reshuffle: bool = True,
        drop_last: bool = False,
    ):
        super().__init__()
        self.splits, self.batch_size, self.drop_last = splits, batch_size, drop_last
        self.order = torch.Generator().manual_seed(ORDER_STREAM + order_seed)
        rows = RandomSampler(splits.train, generator=self.order)
        self.rows = rows if reshuffle else _FirstOrder(rows)

    def train_dataloader(self) -> Batches:
        return _batches(self.splits.train, self.rows, self.batch_size, self.drop_last, self.order)

    def val_dataloader(self) -> Batches:
        return _batches(self.splits.val, SequentialSampler(self.splits.val), evaluation_rows(self.splits.val.tensors))

    def test_dataloader(self) -> Batches:
        return _batches(
            self.splits.test, SequentialSampler(self.splits.test), evaluation_rows(self.splits.test.tensors)
        )


class _FirstOrder(Sampler[int]):
    """The order in which `rows` are first read, every time."""

    def __init__(self, rows: Sampler[int]):
        self.rows, self.order = rows, list[int]()

    def __iter__(self) -> Iterator[int]:
        self.order = self.order or list(self.rows)
        return iter(self.order)


def _batches(
    dataset: TensorDataset,
    rows: Sampler[int],
    batch_size: int,
    drop_last: bool = False,
    generator: torch.Generator | None = None,
) -> Batches:
    """A loader that gathers a whole minibatch with one index instead of collating its rows one by one.

    The minibatches equal those of `DataLoader(dataset, batch_size, shuffle=True, generator=generator)`.
    """
    batches = BatchSampler(rows, batch_size, drop_last)
    return DataLoader(dataset, batch_size=None, sampler=batches, generator=generator or torch.Generator())
