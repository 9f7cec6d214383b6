"""What a sweep that buys its seeds has come to: a row a cell, a row a cell and round, and sentences."""

import math

import numpy as np
import pandas as pd

from seedsweep.comparison.diagnostic import Diagnostic
from seedsweep.comparison.fresh_seeds import Confirmation
from seedsweep.comparison.intervals import Array
from seedsweep.comparison.phrases import per_cent
from seedsweep.comparison.sequential_conditions import diagnose_sequential
from seedsweep.comparison.sequential_state import State
from seedsweep.comparison.verdict import UNDECIDED
from seedsweep.until_sure.purchase import OVERALL, Purchase


def cells_table(purchase: Purchase) -> pd.DataFrame:
    """A row a cell and data set, those that live first, then those that were dropped last.

    Args:
        purchase: after at least one round.

    Returns:
        `data`, `option`, `cell` (its name), `seeds` that it got, `mean` and `sd` over its finished runs, in units of
        the metric, `lost` (runs that diverged or failed), `evidence` that it is no best one, `dropped_after` so many
        seeds (nan while it lives), and of the two cells with fresh seeds their `fresh` mean, with `low` and `high`.
    """
    tables = []
    for data_set, losses in _by_data_set(purchase).items():
        state = purchase.states[data_set if len(purchase.cells.jobs) > 1 else ""]
        table = _cells(purchase, losses, state)
        _add_fresh(table, purchase, data_set, state)
        table["dropped_after"] = [math.nan if after is None else after for after in state.dropped_after]
        order = table.assign(
            lives=-table["dropped_after"].fillna(math.inf), loss=purchase.metric.as_loss(table["mean"])
        )
        tables.append(table.loc[order.sort_values(["lives", "loss"], kind="stable").index].assign(data=data_set))
    table = pd.concat(tables, ignore_index=True)
    return table[["data", *(name for name in table if name != "data")]]


def _cells(purchase: Purchase, losses: Array, state: State) -> pd.DataFrame:
    """The cells in their order; `losses` are of (cells, seeds)."""
    values = pd.DataFrame(losses).replace([np.inf, -np.inf], np.nan)
    return pd.DataFrame(
        {
            "option": purchase.cells.options,
            "cell": purchase.cells.names,
            "seeds": (~np.isnan(losses)).sum(axis=1),
            "mean": purchase.metric.as_loss(values.mean(axis=1)),
            "sd": values.std(axis=1),
            "lost": np.isinf(losses).sum(axis=1),
            "evidence": state.evidence,
        }
    )


def _add_fresh(table: pd.DataFrame, purchase: Purchase, data_set: str, state: State) -> None:
    table[["fresh", "low", "high"]] = math.nan
    if (confirmed := purchase.confirmations.get(data_set)) and state.runner_up is not None:
        for cell, (mean, low, high) in ((state.leader, confirmed.mean), (state.runner_up, confirmed.runner_up)):
            limits = sorted(purchase.metric.as_loss(limit) for limit in (low, high))
            table.loc[cell, ["fresh", "low", "high"]] = [purchase.metric.as_loss(mean), *limits]


def looks_table(purchase: Purchase) -> pd.DataFrame:
    """A row a cell and round in which it lived: `data`, `option`, `cell`, `seeds`, `evidence`, if it `lives` on."""
    rows = []
    for look, before in zip(purchase.looks, [None, *purchase.looks], strict=False):
        for name, state in look.items():
            living = range(len(state.evidence)) if before is None else before[name].living
            rows += [
                (
                    name,
                    purchase.cells.options[cell],
                    purchase.cells.names[cell],
                    state.seeds,
                    state.evidence[cell],
                    cell in state.living,
                )
                for cell in living
                if before is None or before[name].decision is None
            ]
    return pd.DataFrame(rows, columns=["data", "option", "cell", "seeds", "evidence", "lives"])


def sentences(purchase: Purchase) -> list[str]:
    """The answers: on each data set and over all; then what the winner is worth on fresh seeds."""
    answers = []
    for name, state in purchase.states.items():
        words = state.sentence(purchase.confidence)
        answers.append(f"{name}: {words}" if name else words)
    if ahead := purchase.trained_ahead:
        answers.append(f"{ahead:,} more runs had been trained ahead, where larger fleets took hardly longer")
    for data_set, confirmed in purchase.confirmations.items():
        state = purchase.states[data_set if len(purchase.cells.jobs) > 1 else ""]
        answers.append((f"{data_set}: " if data_set else "") + _worth(purchase, state, confirmed))
    return answers


def _worth(purchase: Purchase, state: State, confirmed: Confirmation) -> str:
    first = purchase.cells.names[state.leader]
    second = purchase.cells.names[state.runner_up or 0]
    mean, low, high = confirmed.mean
    limits = sorted(purchase.metric.as_loss(limit) for limit in (low, high))
    value = f"{purchase.metric.as_loss(mean):.4g} [{limits[0]:.4g}, {limits[1]:.4g}]"
    gap = "{:.3g} [{:.3g}, {:.3g}]".format(*confirmed.difference)
    behind = f"{second} is worse by {gap} ({per_cent(purchase.confidence)} intervals)"
    return f"on {confirmed.seeds} fresh seeds {first} has {purchase.metric} {value}, {behind}"


def line(purchase: Purchase) -> str:
    """Where it stands after a round, in one line."""
    words = []
    for name, state in purchase.states.items():
        if name == OVERALL and not len(state.evidence):
            continue
        words.append(f"{name}: {_standing(purchase, state)}" if name else _standing(purchase, state))
    cost = f"{purchase.runs:,} of at most {purchase.most_runs:,} runs"
    seeds = max(state.seeds for state in purchase.states.values())
    return f"{seeds} seeds, {cost}: {'; '.join(words)}"


def _standing(purchase: Purchase, state: State) -> str:
    if state.decision:
        return "all seeds are spent" if state.decision.kind == UNDECIDED else "decided"
    alive = f"{len(state.living)} of {len(state.dropped_after)} cells live, {purchase.cells.names[state.leader]} leads"
    if state.runner_up is None:
        return alive
    evidence = f"{state.evidence[state.runner_up]:.3g} of {2 / (1 - purchase.confidence):.3g}"
    return f"{alive}, evidence against {purchase.cells.names[state.runner_up]}: {evidence}"


def purchase_diagnostics(purchase: Purchase) -> list[Diagnostic]:
    """What speaks against the answers."""
    diagnostics: dict[Diagnostic, None] = {}
    for data_set, losses in _by_data_set(purchase).items():
        state = purchase.states[data_set if len(purchase.cells.jobs) > 1 else ""]
        diagnostics |= dict.fromkeys(diagnose_sequential(losses, state, purchase.cells.options))
    return list(diagnostics)


def _by_data_set(purchase: Purchase) -> dict[str, Array]:
    """The losses (cells, seeds) by data set."""
    return {name: np.array(of_seeds).T for name, of_seeds in purchase.losses.items() if of_seeds}
