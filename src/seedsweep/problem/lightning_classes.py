"""Whether a class is Lightning's, which takes two seconds to import: asked without importing it."""

import sys
from inspect import isclass
from typing import Any


def is_lightning_module(made_by: Any) -> bool:
    """Whether a class is a LightningModule.

    Args:
        made_by: a class or a function.

    Returns:
        Whether it is; whoever has defined one has imported Lightning.
    """
    return _is_of("LightningModule", made_by)


def is_lightning_data(made_by: Any) -> bool:
    """Whether a class is a LightningDataModule.

    Args:
        made_by: a class or a function.

    Returns:
        Whether it is.
    """
    return _is_of("LightningDataModule", made_by)


def _is_of(name: str, made_by: Any) -> bool:
    base = getattr(sys.modules.get("pytorch_lightning"), name, None)
    return base is not None and isclass(made_by) and issubclass(made_by, base)
