"""From the keys of `hydra.sweeper` and a grid to the cells and the test between them, all of it checked."""

from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig

from seedsweep.comparison.sequential_data_sets import SequentialDataSets
from seedsweep.comparison.until_sure import Sequential, looks
from seedsweep.config.overrides import varied
from seedsweep.errors import ConfigError
from seedsweep.lifecycle.sweep import Compose, Overrides
from seedsweep.metrics import Metric
from seedsweep.until_sure.cells import find_cells
from seedsweep.until_sure.purchase import APART, Purchase
from seedsweep.until_sure.record import check_earlier
from seedsweep.validation import check_integer, check_keys

GROUP = "hydra.sweeper"
TEST = ("first_seeds", "seeds_per_round", "max_seeds", "confidence", "margin", "test")  # as `Sequential` has them
KEYS = (*TEST, "metric", "by", "first_seed", "confirm_seeds")


def open_purchase(keys: Mapping[str, Any], jobs: Sequence[Overrides], compose: Compose, config: DictConfig) -> Purchase:
    """The seeds that a command buys.

    Args:
        keys: of `hydra.sweeper`, plain.
        jobs: the overrides of each combination of the grid.
        compose: what makes a job's configuration of its overrides and its number.
        config: the master configuration.

    Returns:
        A purchase that asks for its first round next.

    Raises:
        ConfigError: something is not allowed; nothing has been recorded by then.
    """
    check_keys(keys, KEYS, GROUP)
    check_integer(f"{GROUP}.first_seed", keys["first_seed"], 0, 2**31 - 1 - 2 * APART)
    check_integer(f"{GROUP}.confirm_seeds", keys["confirm_seeds"], 0, APART)
    metric = Metric(str(keys["metric"] or config.objective.metric))
    metric.check_direction(f"{GROUP}.metric", "a metric whose name ends with loss, error, accuracy, …")
    if keys["metric"]:
        jobs = [[*job, f"objective.metric={keys['metric']}"] for job in jobs]
    labels = varied(jobs)
    cells = find_cells(jobs, compose, labels, keys["by"])
    numbers = {name: keys[name] for name in TEST}
    test: Sequential | SequentialDataSets
    try:
        data_sets = list(cells.jobs)
        several = len(data_sets) > 1
        test = (
            SequentialDataSets(cells.options, data_sets, **numbers) if several else Sequential(cells.options, **numbers)
        )
    except ConfigError as error:
        key, value, allowed = error.args
        raise ConfigError(f"{GROUP}.{key}", value, allowed) from None
    at = looks(keys["first_seeds"], keys["seeds_per_round"], keys["max_seeds"])
    about = (metric, keys["confidence"], labels, at, keys["first_seed"], keys["confirm_seeds"])
    purchase = Purchase(cells, test, *about)
    if config.tracking.uri is not None:
        check_earlier(purchase, keys, config.tracking.uri)
    return purchase
