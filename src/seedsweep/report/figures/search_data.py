"""What is plotted of a search: its trials, what they depend on, and what fresh seeds leave of the best."""

import math
from numbers import Real
from typing import NamedTuple

import numpy as np
import pandas as pd

from seedsweep.report.figures.search_panel import SearchPanel
from seedsweep.report.tables import number

POINT, FAR, ENDED = range(3)  # how a trial is marked: where its value is, above the plot, as pruned or failed
MANY = 30  # confirmed trials, beyond which only the winners are plotted


class Trials(NamedTuple):
    """The trials that have ended, each with its `mark`; `near` are the values that the axis has to hold."""

    table: pd.DataFrame
    near: pd.Series


def ended_trials(panel: SearchPanel) -> Trials:
    """With a `value` where it is near the others, and what it is in words as `label`."""
    trials = panel.trials[panel.trials["state"] != "running"]
    done, score = trials["state"] == "finished", trials["value"].astype(float)
    finite = pd.Series(np.isfinite(score), trials.index)
    near = finite & _near(score, done & finite, panel.maximize)
    mark = np.where(~done, ENDED, np.where(near, POINT, FAR))
    states = zip(trials["state"], score, strict=True)
    label = [number(score) if state == "finished" else _lost(state, score) for state, score in states]
    table = trials[["option", "study", "trial", "setting"]]
    return Trials(table.assign(value=score.where(near), mark=mark, label=label), score[done & near])


def _lost(state: str, value: float) -> str:
    return f"{state} at {number(value)}" if math.isfinite(value) else state


def _near(score: pd.Series, has_score: pd.Series, maximize: bool) -> pd.Series:
    """Which values leave the others room: none is worse than the best by more than thrice what most of them are.

    Most are four fifths of those that have a score; where all of these are positive, it is their logarithms that count.
    """
    log = bool((score[has_score] > 0).all())
    worse = (np.log(score.where(score > 0)) if log else score) * (-1 if maximize else 1)
    best, most = worse[has_score].min(), worse[has_score].quantile(0.8, interpolation="lower")
    far = (worse > best + 3 * (most - best)) & (most > best)
    return pd.Series(worse.notna() & ~far)


def history(panel: SearchPanel) -> Trials | None:
    """The trials in their order, with the `best` value of their study so far; None where none has ended."""
    table, near = ended_trials(panel)
    if table.empty:
        return None
    table = table.sort_values("trial", kind="stable")
    results = table["value"].where(table["mark"] == POINT)
    so_far = results.groupby([table["option"], table["study"]]).transform("cummax" if panel.maximize else "cummin")
    return Trials(table.assign(best=so_far.groupby([table["option"], table["study"]]).ffill()), near)


class TrialsByParam(NamedTuple):
    """The trials by the value of a param, `x` if it is a number and else `pair`; the winners on fresh seeds, too."""

    trials: Trials
    winners: pd.DataFrame
    is_numeric: bool


def by_param(panel: SearchPanel, param: str) -> TrialsByParam | None:
    """None where the param has only one value."""
    trials = ended_trials(panel)
    values = panel.trials[param].dropna()
    is_numeric = all(isinstance(value, Real | np.number) and not isinstance(value, bool | np.bool_) for value in values)
    values = values.astype(float if is_numeric else str).rename("x" if is_numeric else "pair")
    table = trials.table.join(values, how="inner")
    if table[values.name].nunique() < 2:
        return None
    return TrialsByParam(trials._replace(table=table), _winners(panel, values), is_numeric)


def _winners(panel: SearchPanel, values: pd.Series) -> pd.DataFrame:
    """The winner of each study on fresh seeds, with its value of a param."""
    if panel.confirmed.empty:
        return panel.confirmed
    trials = panel.trials[["option", "study", "trial"]].join(values, how="inner")
    winners = panel.confirmed[panel.confirmed["rank"] == 1]
    return winners.merge(trials, on=["option", "study", "trial"])


class Importances(NamedTuple):
    """How much depends on each param: a row an option and param (`means`), and a row for each of its studies."""

    means: pd.DataFrame
    studies: pd.DataFrame


def importances(panel: SearchPanel) -> Importances | None:
    """The most important first; None where each study searches only one param."""
    table = panel.importances
    if table.empty or table.groupby(["option", "study"])["param"].nunique().max() < 2:
        return None
    names = table["option"] + " " + table["param"] if len(panel.options) > 1 else table["param"]
    table = table.assign(pair=names, position=table["option"].map(panel.options.index))
    means = table.groupby(["position", "option", "pair"])["importance"].mean().reset_index()
    means = means.sort_values(["position", "importance"], ascending=[True, False])
    return Importances(means[["option", "pair", "importance"]], table[["option", "study", "pair", "importance"]])


class ConfirmedTrials(NamedTuple):
    """The best trials on fresh seeds, those of the best option first, and a row a seed.

    `start` and `end` are the limits of the interval as far as they are plotted; `values` are all that the axis has to
    hold, `omitted` the number of trials that are only in the table.
    """

    table: pd.DataFrame
    runs: pd.DataFrame
    values: pd.Series
    omitted: int


def confirmed(panel: SearchPanel) -> ConfirmedTrials | None:
    """None where nothing was confirmed; if the trials are many, the winner of each study alone."""
    if panel.confirmed.empty:
        return None
    table, runs = _best_first(panel, _named(panel, panel.confirmed)), _named(panel, panel.runs)
    values = pd.concat([runs["value"], table["searched"]])
    finite = values[np.isfinite(values)]
    room = (finite.max() - finite.min()) / 2  # that an interval may take beside them: of two seeds it is very long
    start, end = table["low"].clip(lower=finite.min() - room), table["high"].clip(upper=finite.max() + room)
    return ConfirmedTrials(table.assign(start=start, end=end), runs, values, len(panel.confirmed) - len(table))


def _named(panel: SearchPanel, table: pd.DataFrame) -> pd.DataFrame:
    """The rows that are plotted, with the name of the trial of each, such as `adam 2 #17`, as `pair`."""
    table = table[(table["rank"] == 1) | (len(panel.confirmed) <= MANY)]
    names = "#" + table["trial"].astype(str)
    for column in reversed(panel.where):
        names = table[column].astype(str) + " " + names
    return table.assign(pair=names)


def _best_first(panel: SearchPanel, table: pd.DataFrame) -> pd.DataFrame:
    """The options by the mean of their winners; one that lost a run is the worst."""
    winners = table[table["rank"] == 1]
    worse = (winners["mean"] * (-1 if panel.maximize else 1)).where(winners["label"] == "", math.inf)
    position = table["option"].map(worse.groupby(winners["option"]).mean())
    table = table.assign(position=position, order=table["option"].map(panel.options.index))
    return table.sort_values(["position", "order", "study", "rank"]).drop(columns=["position", "order"])
