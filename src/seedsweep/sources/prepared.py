"""From the runs of a source to what `compare` takes: seeds, metric, options and settings chosen, and said."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from seedsweep.comparison.selection import filtered_runs
from seedsweep.config.planned_run import PROBLEM, SEEDS
from seedsweep.errors import ConfigError
from seedsweep.sources.averaging import averaged_runs
from seedsweep.sources.column_names import named_problem
from seedsweep.sources.metric_choice import ChosenMetric, chosen_metric
from seedsweep.sources.recorded_runs import Named, RecordedRuns, count_of, no_such, one_of
from seedsweep.sources.repeated import without_copies, without_repeated
from seedsweep.sources.seed_columns import CROSSED, Seeds, chosen_seeds
from seedsweep.sources.settings import compared_param, swept_params


@dataclass(frozen=True)
class Prepared:
    """What `compare` takes, and the lines that say how it was chosen.

    `runs`, `curves` and `question` are its arguments.
    """

    runs: pd.DataFrame
    curves: pd.DataFrame | None
    question: dict[str, Any]
    lines: list[str]


@dataclass(frozen=True)
class _Chosen:
    """What was chosen so far."""

    seeds: Seeds
    metric: ChosenMetric
    by: str
    at: tuple[str, ...]
    noise: tuple[str, ...]
    problem: str | None
    lines: tuple[str, ...]

    @property
    def fixed(self) -> list[str]:
        """The columns of the data set and the option."""
        return [name for name in (self.problem, self.by) if name]


def prepared(recorded: RecordedRuns, question: Mapping[str, Any], named: Named, query: str | None) -> Prepared:
    """Choose what the question leaves open, and bring the runs into the form that `compare` takes.

    Args:
        recorded: the runs of a source.
        question: the fields of `Question`.
        named: the columns that it names.
        query: the runs for which it is true are compared; None for all.

    Returns:
        The arguments of `compare`.

    Raises:
        ConfigError: the question names what there is not, or leaves open what cannot be guessed.
    """
    outcome = recorded.outcomes.rename("outcome")
    table = recorded.table.assign(**({} if "outcome" in recorded.table else {"outcome": outcome}))
    asked = filtered_runs(table, query).index
    recorded = replace(recorded, table=recorded.table.loc[asked], outcomes=outcome.loc[asked])
    if recorded.is_sweep and named.seeds is None:
        lines = [f"{recorded.source}: {len(recorded.table)} runs of a sweep of seedsweep", *recorded.notes]
        return Prepared(recorded.table.reset_index(drop=True), None, dict(question), lines)
    metric = chosen_metric(str(question["metric"]), recorded.metrics, recorded.about)
    recorded, notes = _with_outcomes(recorded, metric.name)
    recorded, copies = without_copies(recorded)
    seeds = chosen_seeds(recorded.table, named.seeds, recorded.params)
    recorded, without = _with_all(recorded, seeds.names, "seed")
    seeds = chosen_seeds(recorded.table, named.seeds, recorded.params)
    chosen, recorded = _settings(recorded, seeds, metric, named)
    recorded, repeated = without_repeated(recorded, chosen.fixed, chosen.at, seeds.columns)
    lines = [_taken(recorded, chosen), *recorded.notes, *notes, *copies, *without, *repeated, seeds.line, *chosen.lines]
    runs, curves = _arguments(recorded, chosen)
    names = {"metric": metric.name, "by": _name(chosen.by), "at": [_name(name) for name in chosen.at]}
    return Prepared(runs, curves, {**question, **names}, lines)


def _with_outcomes(recorded: RecordedRuns, metric: str) -> tuple[RecordedRuns, list[str]]:
    """The runs with their outcomes, those that are none to compare left out, and the lines that say so."""
    values, outcomes = recorded.table[metric], recorded.outcomes.astype(object)
    ended = outcomes.isna() | (outcomes == "finished")
    outcomes = outcomes.mask(ended & values.notna(), "finished").mask(ended & np.isinf(values), "diverged")
    absent = ended & values.isna()
    parent = recorded.table.index.isin(list(recorded.parents)) & values.isna()
    lines = []
    if parent.any():
        lines.append(f"left out: {count_of(parent)} that others are nested in, without {metric}")
    if recorded.absent is None and (absent & ~parent).any():
        lines.append(f"left out: {count_of(absent & ~parent)} without {metric}")
    leave = parent | (absent if recorded.absent is None else False)
    outcomes = outcomes.mask(absent, recorded.absent or "missing")[~leave]
    if (count := int((outcomes == "diverged").sum())) and not (recorded.outcomes == "diverged").any():
        empty = " or is missing" if recorded.absent == "diverged" else ""
        lines.append(f"diverged: {count_of(outcomes == 'diverged')}, whose last {metric} is not finite{empty}")
    if not (outcomes == "finished").any():
        raise ConfigError(
            "metric",
            metric,
            f"none of the {len(recorded.table)} runs has a value of it{' that is finite' * (count > 0)}",
        )
    return replace(recorded, table=recorded.table[~leave], outcomes=outcomes), lines


def _with_all(recorded: RecordedRuns, names: tuple[str, ...], what: str) -> tuple[RecordedRuns, list[str]]:
    """The runs that have a value of all these columns, and the line that counts the others."""
    lacks = recorded.table[list(names)].isna().any(axis=1)
    if not lacks.any():
        return recorded, []
    rest = replace(recorded, table=recorded.table[~lacks], outcomes=recorded.outcomes[~lacks])
    return rest, [f"left out: {count_of(lacks)} without a {what} ({', '.join(names)})"]


def _settings(recorded: RecordedRuns, seeds: Seeds, metric: ChosenMetric, named: Named) -> tuple[_Chosen, RecordedRuns]:
    """What is compared, at which settings and on which data sets; the runs that have an option."""
    table, taken = recorded.table, {*seeds.columns, *seeds.equal, *(named.at or ())}
    params = [name for name in recorded.params if name not in taken]
    for key, names in (("by", [named.by] if named.by else []), ("at", named.at or ())):
        for name in names:
            if name not in table:
                raise no_such(key, name, "a param of the runs", [*params, *(named.at or ())])
            if name in seeds.columns:
                raise ConfigError(key, name, "is taken for a seed, which tells runs apart; seeds=NAME names another")
    varying = [name for name in params if table[name].map(str).nunique() > 1]
    told = [name for name in named_problem(varying) if name != named.by]
    candidates = [name for name in varying if name not in told]
    lines = [f"metric: {metric.name} (guessed: {metric.reason})"] * bool(metric.reason)
    by = (named.by, "") if named.by else compared_param(table, candidates)
    if by is None:
        allowed = (
            f"no param has several values, so that there is nothing to compare; there are {one_of(recorded.params)}"
        )
        raise ConfigError("by", None, allowed)
    lines += [f"by: {by[0]} (guessed: {by[1]})"] * (named.by is None)
    recorded, without = _with_all(recorded, (by[0],), "option")
    at, noise = list(named.at or ()), list[str]()
    problem = told[0] if told else None
    if named.at is None:
        fixed = [by[0], *told[:1]]
        rest = [name for name in candidates if name != by[0]]
        at, noise = swept_params(recorded.table, fixed, rest, seeds.columns, recorded.are_params)
        lines.append(f"at: {one_of(at)} (guessed: what was swept besides)")
    lines += [f"data sets: {problem}, {recorded.table[problem].nunique()} of them (by its name)"] if problem else []
    lines += [f"taken as measured, not as swept: {one_of(noise)}; at=[NAME] has one as a param"] * bool(noise)
    return _Chosen(seeds, metric, by[0], tuple(at), tuple(noise), problem, (*without, *lines)), recorded


def _taken(recorded: RecordedRuns, chosen: _Chosen) -> str:
    """How many runs were taken, and which columns as what."""
    params = [name for name in recorded.params if recorded.table[name].map(str).nunique() > 1]
    params = [name for name in params if name not in (*chosen.seeds.columns, *chosen.seeds.equal, *chosen.noise)]
    reasons: dict[str, list[str]] = {}
    for name, reason in recorded.left_out.items():
        reasons.setdefault(reason, []).append(name)
    rest = [f"{one_of(names, 4)} ({reason})" for reason, names in reasons.items()]
    rest += [f"{one_of(recorded.about, 4)} (times)"] * bool(recorded.about)
    parts = [f"params {one_of(params, 8)}", f"metrics {one_of(recorded.metrics, 8)}"]
    parts += [f"left out {', '.join(rest)}"] * bool(rest)
    return f"{recorded.source}: {len(recorded.table)} runs; {'; '.join(parts)}"


def _arguments(recorded: RecordedRuns, chosen: _Chosen) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The frames that `compare` takes, with the names of columns that it knows."""
    table, seeds = recorded.table, chosen.seeds
    metrics = list(dict.fromkeys([chosen.metric.name, *recorded.metrics]))
    curves = recorded.curves(chosen.metric.name)
    runs = pd.DataFrame({"run": table.index, "outcome": recorded.outcomes.to_numpy()}, index=table.index)
    if not seeds.averaged:
        runs["seed"] = table[seeds.names[0]]
    elif set(seeds.columns) == CROSSED:
        runs[sorted(CROSSED)] = table[sorted(CROSSED)]
    params = {_name(name): table[name] for name in (chosen.by, *chosen.at)}
    problem = {PROBLEM: table[chosen.problem]} if chosen.problem else _only_problem(table)
    frames = [
        runs,
        pd.DataFrame(problem | params, index=table.index),
        table[metrics].replace([np.inf, -np.inf], np.nan),
    ]
    runs = pd.concat(frames, axis=1)
    if seeds.averaged and "init_seed" not in runs:
        runs["seed"] = table[seeds.names[0]]
        names = list(dict.fromkeys([*problem, *params, "seed"]))
        runs, curves = averaged_runs(runs, curves, names, metrics)
    finite = curves[np.isfinite(curves["value"].astype(float))]
    return runs.reset_index(drop=True), finite.reset_index(drop=True) if len(finite) else None


def _only_problem(table: pd.DataFrame) -> dict[str, pd.Series]:
    """The data set of all runs, where a column names it."""
    names = [
        name for name in named_problem(map(str, table)) if table[name].notna().all() and table[name].nunique() == 1
    ]
    return {PROBLEM: table[names[0]].astype(str)} if names else {}


def _name(name: str) -> str:
    """The name of a param for `compare`, which takes some for other things."""
    reserved = ("run", "outcome", *SEEDS)
    return f"param.{name}" if name in reserved else name
