"""What the studies of several options mean, in sentences."""

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from seedsweep.comparison.phrases import significance


def study_conclusions(table: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    """Who wins or cannot be told apart, who diverged, and how much of the values is the luck of the search.

    Args:
        table: of the options, see `StudyComparison`.
        pairs: of the options, see `StudyComparison`.

    Returns:
        At least one sentence.
    """
    named = table.replace({"option": {"": "the search"}})  # whose studies are all of one kind
    return [*_verdicts(named, pairs), *_divergence(named), *_luck(named)]


def _verdicts(table: pd.DataFrame, pairs: pd.DataFrame) -> Iterator[str]:
    """On the options whose runs all came to their end."""
    ended = table[table["diverged"] == 0]
    if ended.empty:
        yield "no option wins: runs of each diverged"
        return
    first = ended.iloc[0]
    against = pairs[(pairs["better"] == first["option"]) & pairs["worse"].isin(ended["option"])]
    sure, unsure = against[against["decided"]], against[~against["decided"]]
    if len(ended) == 1:
        alone = "gives" if len(table) == 1 else "is the only one without a diverged run:"
        of = f"{first['studies']} × {first['seeds']} runs (studies × seeds)"
        yield f"{first['option']} {alone} {_interval(first, 'mean')} in {of}"
    elif against["p"].isna().all():
        yield f"one run of each: {first['option']} has the best value, which may be luck"
    elif unsure.empty:
        yield f"{first['option']} wins: {', '.join(map(_amount, sure.to_dict('records')))}"
    else:
        names = f"{', '.join([first['option'], *unsure['worse'][:-1]])} and {unsure['worse'].iloc[-1]}"
        widest = _amount(unsure.iloc[-1].to_dict())
        yield f"{names} cannot be told apart: {first['option']} is {widest}; with more studies or seeds they might be"
        if len(sure):
            yield f"{first['option']} is {', '.join(map(_amount, sure.to_dict('records')))}"


def _divergence(table: pd.DataFrame) -> Iterator[str]:
    for row in table[table["diverged"] > 0].to_dict("records"):
        yield f"{row['option']} diverged in {row['diverged']} of {row['studies'] * row['seeds']} runs, and has no mean"


def _luck(table: pd.DataFrame) -> Iterator[str]:
    """How much of the variance is the search's, on average over the options, and what one study or seed hides."""
    variances = table[["study_sd", "seed_sd", "rest_sd"]] ** 2
    shares = variances.div(variances.sum(axis=1, skipna=False), axis=0).mean()
    if shares.notna().all():
        study, seed, rest = (f"{100 * share:.0f} %" for share in shares)
        yield f"{study} of the variance is the luck of the search (studies), {seed} that of the seeds, {rest} of both"
    single = table.loc[table["studies"] == 1, "option"]
    if len(single):
        which = "per option" if len(single) == len(table) else f"of {', '.join(single)}"
        yield f"one study {which} cannot show the luck of the search: hydra.sweeper.studies=3 would"
    if (table["seeds"] == 1).any():
        yield "one seed cannot show the luck of the seeds: hydra.sweeper.confirm_seeds=5 would"


def _amount(pair: dict[Any, Any]) -> str:
    return f"{_interval(pair, 'difference')} better than {pair['worse']} ({significance(pair['p'])})"


def _interval(row: Any, name: str) -> str:
    has_limits = not math.isnan(row["low"])
    return f"{row[name]:.3g} [{row['low']:.3g}, {row['high']:.3g}]" if has_limits else f"{row[name]:.3g}"
