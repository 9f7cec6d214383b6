"""`seedsweep.sweep`: what `train.py -m` does, from Python."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from seedsweep.api.function import sweep_function
from seedsweep.api.hydra_sweep import ALONE, run_sweep, typed
from seedsweep.api.objects import options_of_objects, own_optimizer
from seedsweep.api.results import Results
from seedsweep.api.until_sure import in_keywords, sure_keywords, sure_overrides
from seedsweep.config.overrides import parse_override
from seedsweep.errors import ConfigError
from seedsweep.gc_pause import looking_again_afterwards
from seedsweep.tracking.sweep_writer import SweepRecord

INTERRUPTED = 130  # the exit status of a command that Ctrl-C ended


def sweep(*what: str | Callable[..., Any], processes: int | None = None, **keywords: Any) -> Results:
    """Train every combination of what is given, and record each run, as `seedsweep -m` does.

    Args:
        what: overrides as they are typed on the command line: `"trainer.max_epochs=10"`, `"hydra/launcher=joblib"`.
            A function before them is called instead of what seedsweep trains: with the keywords, with `seed`, and with
            `log(name, value, step)` if it logs curves; what it returns is recorded, too.
        processes: how many calls of a function are made at once; None: as many as there are cores.
        keywords: of a function its arguments. Else a group of the configuration with a name, an object, or a list of
            such (`optimizer=["sgd", torch.optim.Adam]`, `data=frame`), or any other key by its last component
            (`lr=[0.01, 0.1]`, `max_epochs=10`). A list is swept, a tuple is one value; `seeds` says how many or which.
            `until="sure"` in place of `seeds` buys seeds until it is sure which option wins, by the keys of
            `hydra/sweeper=until_sure`: `first_seeds=10`, `seeds_per_round=5`, `max_seeds=100`, `confidence=0.95`,
            `margin=0.01`, `test="betting"`, `metric`, `by`, `first_seed=None`, `confirm_seeds=10`; with a function also
            `direction`, `minimize` or `maximize`, where the name of what it logs does not say it.

    Returns:
        The runs, their curves, and what they allow to say.

    Raises:
        ConfigError: a key or value is not allowed; nothing was trained.
        FailedRunsError: some runs raised; the others are recorded, and `seedsweep.open` has them.
        KeyboardInterrupt: what had finished is recorded.
    """
    function = what[0] if what and callable(what[0]) else None
    overrides = [override for override in what[function is not None :] if isinstance(override, str)]
    if len(overrides) < len(what) - (function is not None):
        kinds = ", ".join(type(item).__name__ for item in what)
        raise ConfigError("sweep", kinds, "must be overrides, such as 'trainer.max_epochs=10', a function before them")
    if function is None and processes is not None:
        raise ConfigError("processes", processes, "is of a function; for others take 'hydra/launcher=joblib'")
    try:
        # what a sweep has left alone may be much garbage in a notebook
        with ALONE if function is None else nullcontext(), looking_again_afterwards():
            if function is not None:
                record = sweep_function(function, overrides, processes, keywords)
            else:
                record = _swept(overrides, keywords)
    except SystemExit as end:
        if end.code != INTERRUPTED:
            raise
        raise KeyboardInterrupt from None
    return Results(record.run_id, record.uri)


def _swept(overrides: Sequence[str], keywords: Mapping[str, Any]) -> SweepRecord:
    """A sweep of what seedsweep trains."""
    bought, others = sure_keywords(keywords, overrides)
    sure = [] if bought is None else sure_overrides(bought)
    with options_of_objects(), nullcontext() if bought is None else in_keywords():
        others = _own_optimizer(overrides, others) | others
        return run_sweep([*overrides, *typed(overrides, others), *sure])


def _own_optimizer(overrides: Sequence[str], keywords: Mapping[str, Any]) -> dict[str, str]:
    """The optimizer of Lightning modules of one's own, unless one is named."""
    is_named = any(parse_override(override).key == "optimizer" for override in overrides)
    return {} if is_named else own_optimizer(keywords)
