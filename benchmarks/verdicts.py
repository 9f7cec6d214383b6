"""What the verdicts of `seedsweep.comparison` keep of their promises, on made-up sweeps. Called by coverage.py."""

from collections.abc import Callable, Iterable
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from made_up_sweeps import (
    BETTER,
    NOISES,
    RATES,
    TIED,
    Noise,
    Truth,
    experiments,
    first_better,
    lone,
    mixed,
    normal,
    same_bowl,
    shapes,
)

from seedsweep import compare
from seedsweep.comparison import inference, intervals
from seedsweep.comparison.at_best import Cells, compare_bests
from seedsweep.comparison.groups import Criterion
from seedsweep.comparison.intervals import Array
from seedsweep.comparison.pairs import resamples
from seedsweep.comparison.pairwise import PairwiseComparison
from seedsweep.comparison.question import BEST
from seedsweep.comparison.ranking import conclude
from seedsweep.comparison.settings import WORTH_REFINING
from seedsweep.metrics import Metric

OPTIONS, SEEDS, MANY_SEEDS = (2, 6, 12), (6, 10, 20, 50), (10, 20, 50, 200, 500)
CRITERION = Criterion(Metric("val/loss"))
RESAMPLES = 1_024, 1_024  # of a test: up to ten seeds it is exact
MARGIN = 3.0  # within which options tie, where it is asked whether they do


def cells_of(losses: Array) -> list[Cells]:
    return [Cells(option, option, np.zeros(len(option), dtype=bool)) for option in losses]


def as_fine(options: int) -> tuple[int, int]:
    """How many resamples `seedsweep.compare` takes: first, and where it matters."""
    return WORTH_REFINING, resamples(options * (options - 1) // 2, CRITERION.confidence)


def compare_all(losses: Array, seed: int, numbers: tuple[int, int]) -> PairwiseComparison:
    """Every pair of options, the one with the better leading cell first."""
    cells = cells_of(losses)
    return concluded(losses, [compare_two(cells, *pair, seed, numbers) for pair in combinations(best_first(losses), 2)])


def best_first(losses: Array) -> list[int]:
    return [int(option) for option in np.argsort(losses.mean(axis=2).min(axis=1))]


def compare_two(cells: list[Cells], better: int, worse: int, seed: int, numbers: tuple[int, int]) -> dict[str, Any]:
    """A row of `PairwiseComparison.pairs`."""
    result = compare_bests(cells[better], cells[worse], CRITERION.confidence, seed, *numbers)
    row = {"better": str(better), "worse": str(worse), "seeds": cells[better].claims.shape[1], "paired": True}
    row |= {"p": result.p, "difference": result.difference, "low": result.low, "high": result.high}
    gaps = cells[worse].claims[result.hardest] - cells[better].claims[cells[better].leading()]
    return row | {"by_seed": pd.Series(gaps)}


def concluded(losses: Array, rows: list[dict[str, Any]]) -> PairwiseComparison:
    described = pd.DataFrame({"mean": losses.mean(axis=2).min(axis=1), "finished": losses.shape[2]})
    choices = [len(cells.could_lead()) for cells in cells_of(losses)]
    described = described.assign(diverged=0, pruned=0, choices=choices).set_index(described.index.astype(str))
    return conclude("", BEST, CRITERION, described, rows)


def winner(losses: Array, seed: int, numbers: tuple[int, int] = RESAMPLES, by_holm: bool = False) -> str | None:
    """Who wins. It stops as soon as the leader has failed to beat an option.

    A plain test of two leading cells is quicker, and not the less sure one: where it is far from sure, it is enough.
    With `by_holm` all pairs are compared where only Holm's method over them could name the leader, which takes long.
    """
    cells, level, rows = cells_of(losses), 1 - CRITERION.confidence, []
    leader, *others = best_first(losses)
    for other in others:
        gaps = losses[other][cells[other].leading()] - losses[leader][cells[leader].leading()]
        if inference.sign_flip(gaps, np.random.default_rng(seed), RESAMPLES[0]) > 3 * level:
            return None
        rows.append(compare_two(cells, leader, other, seed, numbers))
        if rows[-1]["p"] > level:
            return None
    rest = [rows[0] | dict(zip(("better", "worse"), map(str, pair), strict=True)) for pair in combinations(others, 2)]
    rows += [row | {"p": 1.0, "by_seed": pd.Series(dtype=float)} for row in rest]
    named = concluded(losses, rows).winner
    return compare_all(losses, seed, numbers).winner if named is None and by_holm else named


def winners(
    truth: Array,
    noise: Noise,
    n: int,
    repetitions: int,
    numbers: tuple[int, int] = RESAMPLES,
    by_holm: bool = False,
) -> list[str | None]:
    """Who wins each sweep."""
    sweeps = enumerate(experiments(truth, noise, n, repetitions))
    return [winner(losses, seed, numbers, by_holm) for seed, losses in sweeps]


def with_hopeless(rates: int, n: int, repetitions: int) -> Array:
    """How often the first of six, 1 better, wins; and how often if six more take part that are worse by 10."""
    truth, wins = first_better(same_bowl, 1.0)(6, rates), np.zeros(2)
    both = np.concatenate([truth, truth + 10])
    for seed, losses in enumerate(experiments(both, normal, n, repetitions)):
        wins += winner(losses[:6], seed) == "0", winner(losses, seed) == "0"
    return wins / repetitions


def ties(truth: Truth, rates: int, noise: Noise, by: float, n: int, repetitions: int) -> float:
    """How often two options tie that truly differ by so many margins."""
    means, count = first_better(truth, by * MARGIN)(2, rates) + MARGIN / CRITERION.margin, 0
    for seed, losses in enumerate(experiments(means, noise, n, repetitions)):
        better, worse = best_first(losses)
        row = compare_two(cells_of(losses), better, worse, seed, (2, 2))  # the limits decide, not the test
        if max(-row["low"], row["high"]) < 1.01 * MARGIN:  # else it is no tie
            count += bool(concluded(losses, [row]).pairs["ties"].all())
    return count / repetitions


def covered(truth: Array, noise: Noise, n: int, repetitions: int) -> Array:
    """How often the limits hold the difference of the two bests, and those of the first's leading cell its mean."""
    held, bests = np.zeros(2), truth.min(axis=1)
    for seed, losses in enumerate(experiments(truth, noise, n, repetitions)):
        cells, (leader, other) = cells_of(losses), best_first(losses)
        result = compare_bests(cells[leader], cells[other], CRITERION.confidence, seed, *RESAMPLES)
        chosen, choices = cells[0].leading(), len(cells[0].could_lead())
        mean = intervals.mean(losses[0][chosen], 1 - (1 - CRITERION.confidence) / choices)
        held += result.low <= bests[other] - bests[leader] <= result.high, mean.low <= truth[0, chosen] <= mean.high
    return held / repetitions


def is_same_by_frame(options: int, rates: int, n: int, by: float) -> bool:
    """Whether `seedsweep.compare` gives the runs of a sweep the verdict that is computed here of its losses."""
    (losses,) = experiments(first_better(TIED["bowls, best elsewhere"], by)(options, rates), normal, n, 1)
    names = ["optimizer", "optimizer.lr", "seed"]
    runs = pd.MultiIndex.from_product([range(size) for size in losses.shape], names=names).to_frame(index=False)
    runs = runs.assign(run=runs.index.astype(str), **{"val/loss": losses.ravel()}).astype({"optimizer": str})
    (by_frame,) = compare(runs).best
    here = compare_all(losses, 0, as_fine(options))
    return here.winner == by_frame.winner and bool(np.isclose(here.p, by_frame.p))


def print_row(name: str, values: Iterable[float | None]) -> None:
    """One value after the other, as they are computed."""
    print(f"{name:39s}", end="")
    for value in values:
        print("      –" if value is None else f"{value:7.1%}", end="", flush=True)
    print(flush=True)


def print_heads(title: str, heads: list[str], seeds: tuple[int, ...] = SEEDS) -> None:
    print(f"\n{title}\n{'':39s}" + "".join(f"{f'   {head}':{7 * len(seeds)}s}" for head in heads))
    print(f"{'seeds':39s}" + "".join(f"{n:7d}" for n in seeds) * len(heads))


def print_winners(
    truths: dict[str, Truth],
    noise: Noise,
    counts: Callable[[str | None], bool],
    repetitions: int,
    by_holm: bool,
) -> None:
    for name, truth, rates in shapes(truths):
        sizes = [(options, n) for options in OPTIONS for n in SEEDS]
        cases = (winners(truth(options, rates), noise, n, repetitions, by_holm=by_holm) for options, n in sizes)
        print_row(name, (float(np.mean([counts(who) for who in whos])) for whos in cases))


def print_fine(n: int, repetitions: int) -> None:
    """Some of the power with as many resamples as `seedsweep.compare` takes."""
    sweeps = [
        winners(BETTER["all cells alike"](options, 1), normal, n, repetitions, as_fine(options)) for options in OPTIONS
    ]
    shares = ", ".join(f"{whos.count('0') / repetitions:.1%}" for whos in sweeps)
    print(f"with as many resamples as `compare` takes, {n} seeds, 1 rate: {shares}")


def print_skewed(repetitions: int) -> None:
    """What skewness does to two tied options, and whether more seeds help."""
    heads = ["skewed against normal noise", "skewed against hardly any"]
    print_heads(f"A false winner of two; {repetitions} sweeps each", heads, MANY_SEEDS)
    for name, rates in [("all cells alike", 1), ("the same bowl", 6), ("the first flat, others bowls", 6)]:
        cases = [(noise, n) for noise in (mixed, lone) for n in MANY_SEEDS]
        sweeps = (winners(TIED[name](2, rates), *case, repetitions) for case in cases)
        print_row(f"{name}, {rates} rate{'s' * (rates > 1)}", (1 - whos.count(None) / len(whos) for whos in sweeps))


def print_covered(noise: Noise, repetitions: int) -> None:
    shown = {name: truth for name, truth in TIED.items() if truth is not TIED["two tied, the others 1 worse"]}
    shown["the first flat and 1 better"] = first_better(TIED["the first flat, others bowls"], 1.0)
    for name, truth, rates in shapes(shown):
        shares = np.array([covered(truth(2, rates), noise, n, repetitions) for n in SEEDS])
        print_row(name, shares.T.ravel())


def print_ties(noise: Noise, repetitions: int) -> None:
    for name, truth, rates in shapes({name: TIED[name] for name in ("all cells alike", "the same bowl")}):
        print_row(name, (ties(truth, rates, noise, by, n, repetitions) for by in (1.0, 1.5, 0.0) for n in SEEDS))


def print_skewed_ties(repetitions: int) -> None:
    """The first option, which is worse by the margin, is skewed, and seems better than it is."""
    heads = ["skewed against normal noise", "skewed against hardly any"]
    print_heads(f"Two options tie though the skewed one is worse by the margin; {repetitions} sweeps each", heads)
    shares = (ties(TIED["all cells alike"], 1, noise, -1.0, n, repetitions) for noise in (mixed, lone) for n in SEEDS)
    print_row("all cells alike, 1 rate", shares)


def main(repetitions: int) -> None:
    """All tables; of what is slow half as many sweeps."""
    options, half = [f"{count} options" for count in OPTIONS], repetitions // 2
    sizes = [(2, 6, 10), (2, 12, 20), (6, 6, 10), (6, 6, 20), (12, 2, 10), (12, 2, 50)]
    same = [is_same_by_frame(*size, by) for size in sizes for by in (0.5, 1.0, 2.0)]
    print(f"\nChecked: `seedsweep.compare` gives the same winner and p-value in {sum(same)} of {len(same)} sweeps")
    for noise in NOISES:
        print_heads(f"A false winner; {noise.__name__} noise, {repetitions} sweeps each", options)
        print_winners(TIED, noise, lambda who: who is not None, repetitions, by_holm=True)
    print_skewed(half)
    print_heads(f"The first, better by 1, wins; normal noise, {half} sweeps each", options)
    print_winners(BETTER, normal, lambda who: who == "0", half, by_holm=False)
    print_fine(20, half)
    heads = ["of six options", "and of six hopeless more"]
    print_heads(f"The first, better by 1 at the same rate, wins; normal noise, {half} sweeps each", heads)
    for rates in RATES:
        shares = np.array([with_hopeless(rates, n, half) for n in SEEDS])
        print_row(f"{rates} rate{'s' * (rates > 1)}", shares.T.ravel())
    for noise in NOISES:
        heads = ["limits of the difference", "limits of a chosen mean"]
        print_heads(f"Limits hold the truth; two options, {noise.__name__} noise, {repetitions} sweeps each", heads)
        print_covered(noise, repetitions)
    for noise in (normal, mixed):
        heads = ["that differ by the margin", "by one and a half", "by nothing"]
        print_heads(f"Two options tie; {noise.__name__} noise, {half} sweeps each", heads)
        print_ties(noise, half)
    print_skewed_ties(half)
