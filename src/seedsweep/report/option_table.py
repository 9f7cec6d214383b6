"""The options of a comparison as a table of numbers: what a paper's table shows, for any program to read."""

import pandas as pd

from seedsweep.comparison.compare import Comparison
from seedsweep.comparison.data_sets import answers
from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.verdict import Verdict
from seedsweep.comparison.verdicts import conclusions
from seedsweep.errors import ConfigError
from seedsweep.outcomes import OUTCOMES


def option_table(comparison: Comparison) -> pd.DataFrame:
    """The options of each data set, each at its best setting where there are several.

    Args:
        comparison: of options that share a data set.

    Returns:
        A row an option of each data set, the best first: `data`, `option`, `setting`; `metric`, `direction`, `mean`,
        `low`, `high` and their `confidence`; the runs `planned` and of each outcome; `rank`, which with a baseline is
        empty; whether it `wins`; and the verdict of the data set, with a baseline that of the pair: its kind as
        `verdict`, the `winner`, `p` and the `sentence`.

    Raises:
        ConfigError: no two options can be compared.
    """
    rows = [row for pairwise in answers(comparison.same, comparison.best) for row in _rows(pairwise)]
    if not rows:
        by = str(comparison.question.by)
        raise ConfigError("by", by, "there is no table, as no two of its values were run at the same setting")
    return pd.DataFrame(rows).astype({"rank": "Int64"})


def _rows(pairwise: PairwiseComparison) -> list[dict[str, object]]:
    """The rows of one data set."""
    verdicts = conclusions(pairwise)
    winners = {verdict.winner for verdict in verdicts} - {None, pairwise.baseline}
    rows = []
    for row in pairwise.table.to_dict("records"):
        about = {"data": pairwise.problem, "option": row["option"], "setting": row.get("setting", pairwise.name)}
        about |= {"metric": str(pairwise.metric), "direction": pairwise.metric.direction}
        about |= {"mean": row["mean"], "low": row["mean_low"], "high": row["mean_high"]}
        about |= {"confidence": pairwise.criterion.confidence, "planned": row["planned"]}
        about |= {outcome: row[outcome] for outcome in OUTCOMES}
        about |= {"rank": None if pairwise.baseline else row["rank"], "wins": row["option"] in winners}
        rows.append(about | _said(_verdict_on(str(row["option"]), verdicts, pairwise.baseline)))
    return rows


def _verdict_on(option: str, verdicts: list[Verdict], baseline: str | None) -> Verdict | None:
    """The verdict on an option; with a baseline that on their pair, of which the baseline itself has none."""
    if baseline is None:
        return verdicts[0]
    return next((verdict for verdict in verdicts if option != baseline and option in verdict.options), None)


def _said(verdict: Verdict | None) -> dict[str, object]:
    if verdict is None:
        return dict.fromkeys(("verdict", "winner", "p", "sentence"))
    return {"verdict": verdict.kind, "winner": verdict.winner, "p": verdict.p, "sentence": verdict.sentence}
