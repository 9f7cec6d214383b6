"""From runs and their curves to what is compared: the option and the setting of each run, its seed, and its score."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from seedsweep.comparison.named_values import labels, option_labels
from seedsweep.comparison.params import params, setting_labels
from seedsweep.comparison.problems import FILE, problems
from seedsweep.config.planned_run import PROBLEM, PROBLEM_NAME, SEEDS
from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric
from seedsweep.nearest import did_you_mean
from seedsweep.outcomes import OUTCOMES, SELECT, STOPPED_EPOCH
from seedsweep.validation import check_choice


def score_runs(
    runs: pd.DataFrame, curves: pd.DataFrame | None, metric: Metric, select: str, by: str, at: Sequence[str]
) -> pd.DataFrame:
    """The score of each run, beside what it is a run of.

    Args:
        runs: a row a run, as for `compare`.
        curves: tidy (`run`, `metric`, `step`, `epoch`, `value`), or None.
        metric: that is scored.
        select: `last`, `best` or `auc` of its curve.
        by: the param whose values are the options.
        at: the params whose values make a setting.

    Returns:
        A row a run, with the same index: `run`, `problem`, `option`, `setting`, `group` (option and setting), `seed`
        (equal for runs that make a pair), `replicate` (equal for runs that are not independent), `outcome`, `score`,
        and the params of `at`. The score is in the units of the metric: infinite, the worst, for a run that diverged
        or missed its target, and nan for one without an end: that failed, is missing, or was pruned.

    Raises:
        ConfigError: a param or metric is not a column, two runs of a group have the same seed, or a value is not
            allowed.
    """
    _check(runs, by, at)
    names = runs["run"] if "run" in runs else pd.Series(runs.index.astype(str), index=runs.index)
    scored = pd.DataFrame({"run": names})
    problem = problems(runs)
    scored["problem"] = "" if problem is None or {PROBLEM, PROBLEM_NAME, FILE} & {by, *at} else problem
    scored["option"] = option_labels(runs[by], by)
    scored["setting"] = setting_labels(runs, at)
    scored["group"] = (scored["option"] + " " + scored["setting"]).str.strip()
    scored["seed"], scored["replicate"] = _seeds(runs)
    twice = scored[scored.duplicated(["problem", "group", "seed"])]
    if len(twice):
        allowed = f"two runs of {twice.iloc[0]['group']} have the seed {twice.iloc[0]['seed']}"
        raise ConfigError("at", list(at) or None, f"{allowed}; name all params that they differ in")
    value = _selected(scored["run"], runs, curves, metric, select)
    scored["outcome"] = runs["outcome"] if "outcome" in runs else np.where(np.isfinite(value), "finished", "diverged")
    if wrong := set(scored["outcome"]) - set(OUTCOMES):
        raise ConfigError("outcome", str(min(map(str, wrong))), f"must be one of {', '.join(OUTCOMES)}")
    scored["score"] = value.where(scored["outcome"] == "finished")
    scored.loc[np.isinf(scored["score"]), "outcome"] = "diverged"  # as one that missed its target counts, too
    scored.loc[scored["outcome"] == "diverged", "score"] = metric.worst
    return pd.concat([scored, runs[[name for name in at if name not in scored]]], axis=1)


def independent(scored: pd.DataFrame) -> pd.DataFrame:
    """The runs as independent replicates: where two seeds were swept against each other, one row for their mean."""
    names = ["problem", "option", "setting", "group", "replicate"]
    if not scored.duplicated(names).any():
        return scored
    replicates = scored.groupby(names, sort=False)
    table = replicates.agg(
        run=("run", "first"),
        score=("score", "mean"),
        outcome=("outcome", lambda outcomes: max(outcomes, key=OUTCOMES.index)),
    )
    return table.reset_index().assign(seed=lambda frame: frame["replicate"])


def _check(runs: pd.DataFrame, by: str, at: Sequence[str]) -> None:
    """Raise `ConfigError` for what cannot be compared."""
    if not len(set(runs)) == runs.shape[1] or not all(isinstance(name, str) for name in runs):
        raise ConfigError("runs", list(runs), "the names of the columns must be different strings")
    for key, name in [("by", by), *(("at", name) for name in at)]:
        if name in SEEDS:
            raise ConfigError(key, name, "tells the replicates apart, which cannot be compared")
        if name not in runs:
            allowed = f"must be a param of the runs: {', '.join(params(runs))}{did_you_mean(name, params(runs))}"
            raise ConfigError(key, name, allowed)
    if runs[by].isna().any():
        raise ConfigError("by", by, f"{runs[by].isna().sum()} runs have no value of it")


def _seeds(runs: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """The seed of each run, equal where initial weights and data order are, and its replicate.

    The two are the same, unless init_seed and order_seed were swept against each other: then the replicate is the one
    of them with fewer values, since runs that share an initialization, or an order, are not independent.
    """
    names = [name for name in ("init_seed", "order_seed") if name in runs]
    names = names or [name for name in ("seed",) if name in runs]
    if not names:
        raise ConfigError("seed", None, "the runs need a column `seed`, or `init_seed` and `order_seed`")
    if len(names) == 1 or (runs[names[0]] == runs[names[1]]).all():
        seeds = labels(runs[names[0]])
        return seeds, seeds
    seeds, fewer = setting_labels(runs, names), min(names, key=lambda name: runs[name].nunique())
    crossed = seeds.nunique() > max(runs[name].nunique() for name in names)
    if not crossed or runs[fewer].nunique() == 1:
        return seeds, seeds
    return seeds, fewer.rsplit("_", 1)[0] + "=" + labels(runs[fewer])


def _selected(
    names: pd.Series, runs: pd.DataFrame, curves: pd.DataFrame | None, metric: Metric, select: str
) -> pd.Series:
    """The one number of each run's curve: `last`, `best` or `auc`, as `outcomes.objective` has it."""
    logged = set() if curves is None else set(curves["metric"].unique())
    if metric in {*runs, *logged}:
        metric.check_direction("metric")
    check_choice("select", select, SELECT)
    curve = None if curves is None else curves[curves["metric"] == metric].reset_index(drop=True)
    if curve is None or curve.empty:
        return _last(runs, metric, select, logged)
    if select == "auc" and STOPPED_EPOCH in logged:
        raise ConfigError("select", select, "is a mean over the training, of which runs that stopped early had less")
    grouped = curve.sort_values("step").groupby("run")["value"]
    if select == "last":
        selected = grouped.tail(1).set_axis(curve.loc[grouped.tail(1).index, "run"])
    elif select == "best":
        selected = grouped.max() if metric.is_maximized else grouped.min()
    else:
        selected = curve.sort_values("step").groupby("run")[["step", "value"]].apply(_area)
    return names.map(selected).astype(float)


def _last(runs: pd.DataFrame, metric: Metric, select: str, logged: set[str]) -> pd.Series:
    """The last value of a metric that has no curves; `logged` are the metrics that have some."""
    if "outcome" in runs and not (runs["outcome"] == "finished").any():
        return pd.Series(np.nan, index=runs.index)
    if metric not in runs:
        names = sorted({name for name in map(str, runs) if "/" in name} | logged)
        allowed = f"was not logged by these runs; there are {', '.join(names)}{did_you_mean(metric, names)}"
        raise ConfigError("metric", metric, allowed)
    if select != "last":
        raise ConfigError("select", select, "needs the curves of the runs")
    return runs[metric].astype(float)


def _area(curve: pd.DataFrame) -> float:
    """The mean of a curve over its steps, by the trapezoidal rule."""
    step, value = curve["step"].to_numpy(), curve["value"].to_numpy()
    return float(np.trapezoid(value, step) / (step[-1] - step[0])) if len(step) > 1 else float(value[-1])
