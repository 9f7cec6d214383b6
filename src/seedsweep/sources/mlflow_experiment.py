"""An MLflow experiment that somebody else recorded, as runs to compare."""

import pandas as pd

from seedsweep.sources.column_names import names_time
from seedsweep.sources.columns import told_apart
from seedsweep.sources.recorded_runs import Named, RecordedRuns, one_of
from seedsweep.tracking.foreign_runs import read_foreign_curves, read_foreign_runs


def runs_of_experiment(uri: str, experiment: str, named: Named) -> RecordedRuns:
    """The runs of an experiment.

    Args:
        uri: address of the store.
        experiment: its name.
        named: the columns that the question names.

    Returns:
        The runs, the oldest first.

    Raises:
        ConfigError: there is no such experiment, or it has no runs.
    """
    foreign = read_foreign_runs(uri, experiment)
    taken = [name for name in foreign.params if name in foreign.metrics]
    params = foreign.params.rename(columns={name: f"param.{name}" for name in taken})
    columns = told_apart(params, named, are_params=True)
    metrics = foreign.metrics

    def curves(metric: str) -> pd.DataFrame:
        return read_foreign_curves(uri, list(metrics.index[metrics[metric].notna()]), metric)

    notes = [f"params of the runs that they are nested in: {one_of(foreign.inherited, 4)}"] * bool(foreign.inherited)
    return RecordedRuns(
        source=f"experiment {experiment}",
        table=params.join(metrics),
        params=tuple(columns.params),
        metrics=tuple(str(name) for name in metrics if not names_time(str(name))),
        about=tuple(str(name) for name in metrics if names_time(str(name))),
        outcomes=foreign.outcomes,
        absent=None,
        left_out=columns.left_out,
        curves=curves,
        notes=tuple(notes),
        parents=foreign.parents,
        are_params=True,
        by_time=True,
    )
