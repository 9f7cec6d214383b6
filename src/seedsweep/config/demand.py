"""What a run in a store must have, besides the key, to be what a plan asks for."""

from typing import NamedTuple


class Demand(NamedTuple):
    """What is asked of a run that was trained before.

    `metrics` are those that it must have if it finished, `log_every_n_steps` is as its param has it, and `engine` which
    must have trained it; None for any. `measured_by` is a digest of metrics that were given as classes with arguments.
    """

    metrics: tuple[str, ...] = ()
    log_every_n_steps: str | None = None
    engine: str | None = None
    measured_by: str | None = None


ANY_RUN = Demand()
