"""What is learned of columns before a training, from the training rows alone: what fills gaps, and what is left out."""

from dataclasses import replace

import numpy as np

from seedsweep.errors import ConfigError
from seedsweep.problem.datasets import Table
from seedsweep.problem.delimited import shown


def fitted(table: Table) -> Table:
    """The table without gaps, and without columns that have one value in the training rows and others elsewhere.

    A level that no training row has is such a column; without it, the level is all zero.

    Args:
        table: as it was read.

    Returns:
        The same table where nothing is to be done.

    Raises:
        ConfigError: a column has no value at all in the training rows.
    """
    features, train = table.features, table.split[0]
    if features.ndim == 2 and (is_gap := np.isnan(features)).any():
        empty = is_gap[train].all(axis=0)
        if empty.any():
            name = table.feature_names[int(np.flatnonzero(empty)[0])]
            raise ConfigError("data.missing", "impute", f"{name} has no value in the training rows; leave it out")
        features = np.where(is_gap, np.nanmedian(features[train], axis=0), features)
    if not table.may_lose_columns:
        return replace(table, features=features)
    first = features[train[0]]
    left_out = (features[train] == first).all(axis=0) & (features != first).any(axis=0)
    if not left_out.any():
        return replace(table, features=features)
    names = [name for name, is_out in zip(table.feature_names, left_out, strict=True) if is_out]
    if left_out.all():
        raise ConfigError(
            "data.features", names[0], "has one value in all training rows: there is nothing to learn from"
        )
    return replace(
        table,
        features=features[:, ~left_out],
        feature_names=tuple(name for name, is_out in zip(table.feature_names, left_out, strict=True) if not is_out),
        notes=(*table.notes, f"left out {shown(names)}, of one value in the training rows"),
    )
