"""From runs and their curves to what is compared: the option and the setting of each run, its seed, and its score."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from seedsweep.config.planned_run import PROBLEM, PROBLEM_NAME, SEEDS
from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric, stated_direction
from seedsweep.outcomes import OUTCOMES, RUN_COLUMNS, SELECT

OPTIMIZER = "optimizer"


def score_runs(
    runs: pd.DataFrame, curves: pd.DataFrame | None, metric: Metric, select: str, by: str, at: Sequence[str]
) -> pd.DataFrame:
    """A row a run: `problem`, `option`, `setting`, `group`, `seed`, `replicate`, `outcome`, `score`, and the params.

    `option` is the value of the param `by`, `setting` the values of the params `at`. `score` is in the units of the
    metric: infinite, the worst, for a run that diverged, and not a number for one without an end: that failed, is
    missing, or was pruned, whose end nobody knows. Raises `ConfigError` for a column that is not there.
    """
    _check(runs, by, at)
    scored = pd.DataFrame({"run": runs["run"] if "run" in runs else runs.index.astype(str)})
    problem = _problem(runs)
    scored["problem"] = "" if problem is None or {PROBLEM, PROBLEM_NAME} & {by, *at} else problem
    scored["option"] = runs[by].map(text)
    scored["setting"] = _settings(runs, at)
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
    scored.loc[scored["outcome"] == "diverged", "score"] = metric.worst
    return pd.concat([scored, runs[[name for name in at if name not in scored]]], axis=1)


def _check(runs: pd.DataFrame, by: str, at: Sequence[str]) -> None:
    """Raise `ConfigError` for what cannot be compared."""
    if not len(set(runs)) == runs.shape[1] or not all(isinstance(name, str) for name in runs):
        raise ConfigError("runs", list(runs), "the names of the columns must be different texts")
    for key, name in [("by", by), *(("at", name) for name in at)]:
        if name in SEEDS:
            raise ConfigError(key, name, "tells the replicates apart, which cannot be compared")
        if name not in runs:
            raise ConfigError(key, name, f"must be a param of the runs: {', '.join(params(runs))}")
    if runs[by].isna().any():
        raise ConfigError("by", by, f"{runs[by].isna().sum()} runs have no value of it")


def independent(scored: pd.DataFrame) -> pd.DataFrame:
    """The runs as independent replicates: where two seeds were swept against each other, one row for their mean."""
    names = ["problem", "option", "setting", "group", "replicate"]
    if not scored.duplicated(names).any():
        return scored
    groups = scored.groupby(names, sort=False)
    table = groups.agg(
        run=("run", "first"),
        score=("score", "mean"),
        outcome=("outcome", lambda ended: max(ended, key=OUTCOMES.index)),
    )
    return table.reset_index().assign(seed=lambda frame: frame["replicate"])


def swept(runs: pd.DataFrame, by: str | None = None) -> list[str]:
    """The params, besides seeds, that differ between the runs of one option of `by`, the learning rate first."""
    problem = _problem(runs)
    fixed = [runs[by].map(text)] if by in runs else []
    fixed += [] if problem is None else [problem]
    varying: dict[str, pd.Series] = {}
    for name in sorted(params(runs), key=lambda name: "." in name):  # options before what follows from them
        texts = runs[name].map(text)
        if name in (by, PROBLEM, PROBLEM_NAME) or texts.nunique() < 2:
            continue
        option = varying.get(name.rsplit(".", 1)[0])
        follows = option is not None and texts.groupby(option).nunique().max() == 1
        if not follows and (not fixed or texts.groupby(fixed).nunique().max() > 1):
            varying[name] = texts
    return sorted(varying, key=lambda name: (not name.endswith(".lr"), runs[name].isna().any()))


def _problem(runs: pd.DataFrame) -> pd.Series | None:
    """The data set of each run: by the name that it has, else by that of its option."""
    name = next((name for name in (PROBLEM_NAME, PROBLEM) if name in runs), None)
    return None if name is None else runs[name].map(text)


def compared(runs: pd.DataFrame) -> str:
    """The param whose options are compared unless another is named: the optimizer, or the first one that was swept."""
    varying = swept(runs)
    return OPTIMIZER if OPTIMIZER in varying or not varying else varying[0]


def params(runs: pd.DataFrame) -> list[str]:
    """The columns of options and values of a configuration, but for those where most runs have their own number."""
    names = [name for name in map(str, runs) if "/" not in name and name not in (*RUN_COLUMNS, *SEEDS)]
    names = [name for name in names if not stated_direction(name) or "." in name]
    return [name for name in names if runs[name].dtype.kind != "f" or 2 * runs[name].nunique() <= len(runs)]


def _settings(runs: pd.DataFrame, at: Sequence[str]) -> pd.Series:
    """Such as `lr=0.01 momentum=0.9`; a param that an option does not have is left out."""
    setting = pd.Series("", index=runs.index)
    for name in at:
        has_value = runs[name].notna()
        assignment = f" {name.rsplit('.', 1)[-1]}=" + runs[name].map(text)
        setting = setting.where(~has_value, setting + assignment)
    return setting.str.strip()


def text(value: object) -> str:
    """A value of a param as options and settings are named."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _seeds(runs: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """What makes a pair of two runs, equal initial weights and data order; and what counts as a replicate.

    That is the same, but where the two were swept against each other: there the one with fewer values, since runs that
    share an initialization, or an order, are not independent.
    """
    seed_params = [name for name in ("init_seed", "order_seed") if name in runs] or [
        name for name in ("seed",) if name in runs
    ]
    if not seed_params:
        raise ConfigError("seed", None, "the runs need a column `seed`, or `init_seed` and `order_seed`")
    if len(seed_params) == 1 or (runs[seed_params[0]] == runs[seed_params[1]]).all():
        return runs[seed_params[0]].map(text), runs[seed_params[0]].map(text)
    seeds, fewer = _settings(runs, seed_params), min(seed_params, key=lambda name: runs[name].nunique())
    crossed = seeds.nunique() > max(runs[name].nunique() for name in seed_params)
    return seeds, (
        fewer.rsplit("_", 1)[0] + "=" + runs[fewer].map(text) if crossed and runs[fewer].nunique() > 1 else seeds
    )


def _selected(
    names: pd.Series, runs: pd.DataFrame, curves: pd.DataFrame | None, metric: Metric, select: str
) -> pd.Series:
    """The one number of each run's curve: `last`, `best` or `auc`, as `results.objective` has it."""
    if metric in {*runs, *([] if curves is None else curves["metric"])}:
        metric.check_direction("metric")
    if select not in SELECT:
        raise ConfigError("select", select, f"must be one of {', '.join(SELECT)}")
    curve = None if curves is None else curves[curves["metric"] == metric].reset_index(drop=True)
    if curve is None or curve.empty:
        if "outcome" in runs and not (runs["outcome"] == "finished").any():
            return pd.Series(np.nan, index=runs.index)
        if metric not in runs:
            logged = sorted(
                {name for name in map(str, runs) if "/" in name} | set([] if curves is None else curves["metric"])
            )
            raise ConfigError("metric", metric, f"was not logged by these runs; there are {', '.join(logged)}")
        if select != "last":
            raise ConfigError("select", select, "needs the curves of the runs")
        return runs[metric].astype(float)
    grouped = curve.sort_values("step").groupby("run")["value"]
    if select == "last":
        selected = grouped.tail(1).set_axis(curve.loc[grouped.tail(1).index, "run"])
    elif select == "best":
        selected = grouped.max() if metric.is_maximized else grouped.min()
    else:
        selected = curve.sort_values("step").groupby("run")[["step", "value"]].apply(_area)
    return names.map(selected).astype(float)


def _area(curve: pd.DataFrame) -> float:
    step, value = curve["step"].to_numpy(), curve["value"].to_numpy()
    return float(np.trapezoid(value, step) / (step[-1] - step[0])) if len(step) > 1 else float(value[-1])
