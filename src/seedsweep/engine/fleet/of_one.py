"""One run trained as a fleet of one, with the curves that it has in any fleet, and without Lightning's start."""

from collections.abc import Callable

from seedsweep.config.completeness import Config
from seedsweep.engine.fleet.assemble import assemble, refuse_model, refuse_optimizer
from seedsweep.engine.fleet.grouping import group
from seedsweep.engine.fleet.trainer import train
from seedsweep.outcomes import Column, Point, RunResult


def trains_in_fleet(config: Config) -> bool:
    """Whether a run can train in a fleet.

    Args:
        config: of the run, plain and checked.

    Returns:
        False where Lightning's Trainer is needed or asked for.
    """
    fleets, _ = group([config], (refuse_model, refuse_optimizer))
    return bool(fleets)


def train_one(
    config: Config, publish: Callable[[list[Point]], None] | None, advance: Callable[[int], None]
) -> RunResult:
    """Train a run that can train in a fleet.

    Args:
        config: of the run, plain and checked.
        publish: gets the points as they come.
        advance: is told of each epoch.

    Returns:
        Outcome, points and the last weights.
    """

    def tell(columns: list[Column]) -> None:
        if publish:
            publish([Point(*column[:3], float(column.values[0])) for column in columns])

    result = train(assemble([config]), tell, advance)
    weights = {name: stacked[0] for name, stacked in result.weights.items()}
    return RunResult(result.outcomes[0], result.points(0), weights)
