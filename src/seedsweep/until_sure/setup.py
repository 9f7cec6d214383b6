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
from seedsweep.until_sure.cells import Cells, find_cells
from seedsweep.until_sure.identity import settle_first_seed
from seedsweep.until_sure.purchase import APART, Purchase
from seedsweep.validation import check_integer, check_keys

GROUP = "hydra.sweeper"
TEST = ("first_seeds", "seeds_per_round", "max_seeds", "confidence", "margin", "test")  # as `Sequential` has them
DEFAULTS = dict[str, Any](first_seeds=10, seeds_per_round=5, max_seeds=100, confidence=0.95, margin=0.01)
DEFAULTS |= {"test": "betting", "metric": None, "by": None, "first_seed": None, "confirm_seeds": 10}
KEYS = tuple(DEFAULTS)


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
    metric = Metric(str(keys["metric"] or config.objective.metric))
    metric.check_direction(f"{GROUP}.metric", "a metric whose name ends with loss, error, accuracy, …")
    if keys["metric"]:
        jobs = [[*job, f"objective.metric={keys['metric']}"] for job in jobs]
    labels = varied(jobs)
    cells = find_cells(jobs, compose, labels, keys["by"])
    return purchase_between(cells, keys, metric, labels, config.tracking.uri)


def purchase_between(
    cells: Cells, keys: Mapping[str, Any], metric: Metric, labels: Sequence[str], uri: str | None
) -> Purchase:
    """The seeds that are bought to decide between cells.

    Args:
        cells: between which is decided.
        keys: of `hydra.sweeper`, plain.
        metric: that is judged.
        labels: the params in which the cells differ.
        uri: address of the store; None where nothing is recorded.

    Returns:
        A purchase that asks for its first round next.

    Raises:
        ConfigError: a number is not allowed, or an earlier sweep has seen these seeds.
    """
    first_seed = 0 if keys["first_seed"] is None else keys["first_seed"]
    check_integer(f"{GROUP}.first_seed", first_seed, 0, 2**31 - 1 - 2 * APART, note="or null")
    check_integer(f"{GROUP}.confirm_seeds", keys["confirm_seeds"], 0, APART)
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
    about = (metric, keys["confidence"], labels, at, first_seed, keys["confirm_seeds"])
    purchase = Purchase(cells, test, *about)
    if uri is not None:
        settle_first_seed(purchase, keys, uri)
    return purchase
