"""Which runs of a table are compared: the newest of those that were trained twice, and those that a query chooses."""

import re

import numpy as np
import pandas as pd

from seedsweep.errors import ConfigError
from seedsweep.outcomes import RUN_COLUMNS


def newest_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs without those that a later sweep trained again.

    Args:
        runs: a row a run, as `load_runs` gives them, of several sweeps.

    Returns:
        Some of the rows, in their order.
    """
    params = [name for name in map(str, runs) if "/" not in name and name not in RUN_COLUMNS]
    of_same_params = runs.groupby(params, dropna=False)["fingerprint"].transform("first")
    order = runs.assign(
        ended=runs["outcome"].isin(["finished", "diverged"]),
        fingerprint=runs["fingerprint"].fillna(of_same_params),  # those never run have none
    )
    order = order.sort_values(["ended", "started"])
    return runs.loc[order.drop_duplicates([*params, "fingerprint"], keep="last").index.sort_values()]


def filtered_runs(runs: pd.DataFrame, query: str | None) -> pd.DataFrame:
    """The runs for which a query is true.

    Args:
        runs: a row a run.
        query: of pandas; a dot in a name needs no backticks. None for all runs.

    Returns:
        Some of the rows, in their order.

    Raises:
        ConfigError: it is no query of these columns, or true for no run.
    """
    if query is None:
        return runs
    names = sorted((name for name in map(str, runs) if not name.isidentifier()), key=len, reverse=True)
    pattern = "|".join([r"`[^`]*`", *map(re.escape, names)])
    quoted = re.sub(pattern, lambda name: f"`{name[0].strip('`')}`", query)
    try:
        chosen = np.asarray(runs.eval(quoted, engine="python"))
        if chosen.dtype != bool or chosen.shape != (len(runs),):
            raise ValueError("it must be true or false for each run")
    except Exception as error:  # whatever a query may raise
        raise ConfigError("filter", query, f"is no query of the table of runs: {error}") from error
    if not chosen.any():
        raise ConfigError("filter", query, f"is true for none of the {len(runs)} runs")
    return runs[chosen]
