"""Minibatches that a LightningDataModule of one's own makes: as they are, from loaders of its own."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from seedsweep.config.instantiation import accepted, make
from seedsweep.errors import ConfigError

if TYPE_CHECKING:
    from pytorch_lightning import LightningDataModule

HASHED = 2**26  # bytes of a split by which it is told from others; what follows is not looked at


@dataclass(frozen=True, eq=False)
class OwnBatches:
    """Data of which nothing is known but its minibatches.

    `make` makes the data module, anew for each run, whose loaders shuffle with torch's global generator. `first` is the
    first minibatch of its training rows, and `fingerprint` a hash of those of each split, as far as `HASHED` goes.
    """

    make: Callable[[], "LightningDataModule"]
    first: Any
    fingerprint: str
    feature_names: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    class_weights: None = None
    notes: tuple[str, ...] = ()

    @property
    def is_regression(self) -> bool:
        """Whether the first minibatch is a pair with a target that holds fractions."""
        target = self.first[1] if isinstance(self.first, list | tuple) and len(self.first) == 2 else None
        return isinstance(target, Tensor) and target.is_floating_point() and bool((target % 1 != 0).any())


def own_batches(data_config: Mapping[str, Any]) -> OwnBatches:
    """The minibatches of a LightningDataModule, which is set up once to see them.

    Args:
        data_config: the group `data`, plain, with its `_target_`; `batch_size` is passed on if it takes
            one and the value is not None.

    Returns:
        What makes them, and the first of them.

    Raises:
        ConfigError: it cannot be made, or has no training rows.
    """
    target, size = data_config["_target_"], data_config["batch_size"]
    options = {key: value for key, value in data_config.items() if key not in ("name", "batch_size")}
    options |= accepted(target, {"batch_size": size}) if size is not None else {}

    def made() -> "LightningDataModule":
        from pytorch_lightning import LightningDataModule

        module: LightningDataModule = make("data", options, LightningDataModule)
        return module

    try:
        first, fingerprint = _looked_at(made())
    except ConfigError:
        raise
    except Exception as error:  # whatever a third party's data module raises
        allowed = f"gives no minibatches: {type(error).__name__}: {error}"
        raise ConfigError("data._target_", target, allowed) from error
    return OwnBatches(made, first, fingerprint)


def _looked_at(module: "LightningDataModule") -> tuple[Any, str]:
    """The first minibatch of the training rows, and a hash of those of all splits that there are."""
    digest = hashlib.sha256()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module.prepare_data()
        module.setup("fit")
        first = _hash(module.train_dataloader(), digest)
        if _has(module, "val_dataloader"):
            _hash(module.val_dataloader(), digest)
        if _has(module, "test_dataloader"):
            module.setup("test")
            _hash(module.test_dataloader(), digest)
    return first, digest.hexdigest()[:16]


def _hash(loader: Any, digest: Any) -> Any:
    """Take the minibatches of a loader into a hash, the first in any case; that one."""
    minibatches = iter(loader)
    first = batch = next(minibatches)
    size = 0
    while batch is not None:
        for value in tree_leaves(batch):
            content = value.numpy().tobytes() if isinstance(value, Tensor) else repr(value).encode()
            digest.update(content)
            size += len(content)
        batch = next(minibatches, None) if size < HASHED else None
    return first


def _has(module: "LightningDataModule", name: str) -> bool:
    from pytorch_lightning import LightningDataModule

    return getattr(type(module), name) is not getattr(LightningDataModule, name)
