"""What "until sure" keeps of its promises, and what it saves, on made-up sweeps whose truth is known.

    python benchmarks/sequential.py [sweeps] [--quick]

docs/until_sure.md holds what it printed. Lines of more than 12 cells have a fifth as many sweeps. The unit of losses is
the standard deviation of the difference of two runs of equal seeds, which correlate by 0.5. Four minutes of one core.
"""

import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import made_up_sweeps as made_up
import numpy as np
from made_up_sweeps import Noise, Truth
from scipy.signal import lfilter
from scipy.special import stdtr

from seedsweep.comparison.bets import Bets
from seedsweep.comparison.error_spending import ErrorSpending
from seedsweep.comparison.intervals import Array
from seedsweep.comparison.sequential_data_sets import SequentialDataSets
from seedsweep.comparison.until_sure import looks

SWEEPS, QUICK, FEWER = 1_000, 10, 5
OPTIONS, LEVEL, MANY = (2, 6, 12), 0.05, 1_000
LOOKS = looks(10, 5, 100)
EVERY_FIVE = looks(5, 5, 100)
UNIT = 100.0  # the least true mean, of which one per cent, the margin, is one unit
TESTS = "betting", "strict", "naive"
TIED: dict[str, tuple[Truth, int]] = {
    "all cells alike, 1 rate": (made_up.all_alike, 1),
    "two tied, others 1 worse, 1 rate": (made_up.two_tied, 1),
    "all cells alike, 6 rates": (made_up.all_alike, 6),
    "the same bowl, 6 rates": (made_up.same_bowl, 6),
    "the first flat, others bowls, 6 rates": (made_up.one_flat, 6),
    "two tied, others 1 worse, 12 rates": (made_up.two_tied, 12),
}
BETTER: dict[str, tuple[Truth, int]] = {
    "all cells alike, 1 rate": (made_up.all_alike, 1),
    "the same bowl, 6 rates": (made_up.same_bowl, 6),
    "bowls, best elsewhere, 12 rates": (made_up.best_elsewhere, 12),
}


class Bought(NamedTuple):
    """How many sweeps ended, one number each: the winner or -1, whether they tie, the runs and the seeds."""

    winner: np.ndarray
    ties: np.ndarray
    runs: np.ndarray
    seeds: np.ndarray


def heavy(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return generator.standard_t(3, shape) / np.sqrt(3)


def unequal(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Normal, four times as wide for the first option and every second one after it."""
    noise = 0.5 * generator.standard_normal(shape)
    noise[::2] *= 4
    return noise


def diverging(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.where(generator.random(shape) < 0.05, np.inf, generator.standard_normal(shape))


def first_diverges(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Of the first option 20 % diverge and of the others 5 %: it is not among the best."""
    noise = diverging(generator, shape)
    noise[0][generator.random(shape[1:]) < 0.15] = np.inf
    return noise


def drifting(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Successive seeds correlate by 0.5, as no seeds do that are drawn one by one."""
    return np.asarray(lfilter([np.sqrt(0.75)], [1, -0.5], generator.standard_normal(shape)))


HOLDS: dict[str, Noise] = {
    "normal": made_up.normal,
    "skewed alike": made_up.skewed,
    "heavy tails": heavy,
    "unequal widths": unequal,
    "5 % diverge": diverging,
    "the first diverges more": first_diverges,
    "few values": made_up.normal,
}
FAILS: dict[str, Noise] = {
    "skewed against normal": made_up.mixed,
    "skewed against hardly any": made_up.lone,
    "drifting over the seeds": drifting,
}


def draw(truth: Array, noise: Noise, sweeps: int, seeds: int, name: str = "") -> Array:
    """Losses (sweeps, cells, seeds), the same for equal arguments."""
    generator = np.random.default_rng([*truth.shape, sweeps, seeds])
    runs = noise(generator, (*truth.shape, sweeps * seeds)).reshape(truth.size, sweeps, seeds).swapaxes(0, 1)
    shared, share = generator.standard_normal((sweeps, 1, seeds)), made_up.SHARED
    losses = truth.reshape(-1, 1) + (share**0.5 * shared + (1 - share) ** 0.5 * runs) / (2 * (1 - share)) ** 0.5
    return np.round(losses) if name == "few values" else losses


def buy(test: str, losses: Array, options: np.ndarray, margin: float = 0.0, when: tuple[int, ...] = LOOKS) -> Bought:
    """Many sweeps, each until it is decided."""
    sweeps = len(losses)
    judge = (
        Bets(options, when[0], LEVEL, margin, (sweeps,))
        if test == "betting"
        else ErrorSpending(options, when, LEVEL, margin, (sweeps,))
    )
    belongs = options[:, None] == np.arange(options.max() + 1)
    winner, ties = np.full(sweeps, -1), np.zeros(sweeps, dtype=bool)
    runs, seeds, is_open = np.zeros(sweeps), np.zeros(sweeps), np.ones(sweeps, dtype=bool)
    for start, end in zip((0, *when), when, strict=False):
        runs += is_open * judge.alive.sum(axis=1) * (end - start)
        seeds += is_open * (end - start)
        judge.observe(losses[..., start:end])
        lives = (judge.alive[..., None] & belongs).any(axis=1)
        wins = is_open & (lives.sum(axis=1) == 1)
        winner[wins] = lives.argmax(axis=1)[wins]
        ties |= is_open & ~wins & judge.is_tie
        is_open &= ~wins & ~judge.is_tie
    return Bought(winner, ties, runs, seeds)


def tested(losses: Array, options: np.ndarray, level: float, every_cell: bool) -> np.ndarray:
    """The options (sweeps,) that win by one-sided paired t tests of the leading cell, or -1.

    It is tested against each cell of the others, or against the leading cell of each other option.
    """
    finite = np.isfinite(losses)  # diverged runs are left out, as is usual
    means = np.where(finite, losses, 0).sum(axis=-1) / np.maximum(finite.sum(axis=-1), 1)
    leader = means.argmin(axis=1)
    sweep = np.arange(len(losses))
    shared = finite & finite[sweep, leader][:, None]
    gaps = np.where(shared, losses, 0) - np.where(shared, losses[sweep, leader][:, None], 0)
    n = np.maximum(shared.sum(axis=-1), 2)
    mean = gaps.sum(axis=-1) / n
    squares = (np.where(shared, gaps - mean[..., None], 0) ** 2).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        beaten = stdtr(n - 1, -mean / np.sqrt(squares / (n - 1) / n)) <= level
    own = options == options[leader][:, None]
    if not every_cell:
        for option in range(options.max() + 1):
            of_option = np.where(options == option, means, np.inf)
            own |= (options == option) & (of_option > of_option.min(axis=1, keepdims=True))
    return np.where((beaten | own).all(axis=1), options[leader], -1)


def naive(losses: Array, options: np.ndarray) -> Bought:
    """What people do: a t test of the leading cells after every five seeds, until one comes out with p < 0.05."""
    winner, seeds = np.full(len(losses), -1), np.full(len(losses), losses.shape[-1])
    for n in EVERY_FIVE:
        winners = tested(losses[..., :n], options, LEVEL / 2, every_cell=False)
        first = (winner < 0) & (winners >= 0)
        winner[first], seeds[first] = winners[first], n
    return Bought(winner, seeds < 0, seeds * len(options), seeds)


def is_wrong(bought: Bought, truth: Array, name: str) -> np.ndarray:
    """Whether an option is named that is no better than the best other one."""
    bests = truth.min(axis=1)
    bests = bests + (np.arange(len(bests)) == 0) * (name == "the first diverges more")
    best = np.flatnonzero(bests == bests.min())
    return (bought.winner >= 0) & ~((len(best) == 1) & (bought.winner == best[0]))


def number(sweeps: int, cells: int) -> int:
    return max(sweeps // FEWER, 1) if cells > max(OPTIONS) else sweeps


def false_winners(noises: dict[str, Noise], sweeps: int, rows: dict[str, tuple[Truth, int]]) -> Iterator[str]:
    for name, noise in noises.items():
        for row, (shape, rates) in rows.items():
            shares: dict[str, list[float]] = {test: [] for test in TESTS}
            for count in OPTIONS:
                truth, options = shape(count, rates), np.repeat(np.arange(count), rates)
                losses = draw(truth, noise, number(sweeps, truth.size), LOOKS[-1], name)
                for test in TESTS:
                    bought = naive(losses, options) if test == "naive" else buy(test, losses, options)
                    shares[test].append(is_wrong(bought, truth, name).mean())
            values = "   ".join("".join(f"{share:7.1%}" for share in shares[test]) for test in TESTS)
            yield f"{name:26s}{row:38s}{values}"


def long_run(sweeps: int) -> str:
    losses = draw(made_up.all_alike(2, 1), made_up.normal, number(sweeps, 13), MANY)
    bought = buy("betting", losses, np.arange(2), when=looks(10, 5, MANY))
    return f"two tied options, 1 rate, looked at up to {MANY:,} seeds, betting: {(bought.winner >= 0).mean():.1%}"


def false_ties(sweeps: int) -> Iterator[str]:
    for count, rates in ((2, 1), (6, 1), (2, 6)):
        options = np.repeat(np.arange(count), rates)
        for test in TESTS[:2]:
            cells = []
            for apart in (0.0, 0.5, 1.0, 1.5):
                truth = made_up.first_better(made_up.same_bowl, apart)(count, rates) + UNIT
                bought = buy(test, draw(truth, made_up.normal, number(sweeps, truth.size), LOOKS[-1]), options, 0.01)
                wins = bought.winner == 0 if apart else bought.winner < -1
                wrong = (bought.winner >= 0) & ~wins
                cells += [bought.ties.mean(), wins.mean(), wrong.mean()]
            shares = "   ".join("".join(f"{x:7.1%}" for x in cells[i : i + 3]) for i in range(0, len(cells), 3))
            yield f"{count} options, {rates} rate{'s' * (rates > 1)}, {test:12s}{shares}"


def same_power(losses: Array, options: np.ndarray, power: float) -> int:
    """How many seeds of every cell a fixed design needs for this power, its leading cell not paid for."""
    level = LEVEL / (options.max() + 1)
    for n in range(5, losses.shape[-1] + 1):
        if (tested(losses[..., :n], options, level, every_cell=True) == 0).mean() >= power:
            return n
    return losses.shape[-1]


def savings(sweeps: int) -> Iterator[str]:
    for row, (shape, rates) in BETTER.items():
        for count in OPTIONS:
            options = np.repeat(np.arange(count), rates)
            for apart in (0.5, 0.7, 1.0, 2.0):
                truth = made_up.first_better(shape, apart)(count, rates)
                losses = draw(truth, made_up.normal, number(sweeps, 13), LOOKS[-1])
                values = ""
                for test in TESTS[:2]:
                    bought = buy(test, losses, options)
                    power = (bought.winner == 0).mean()
                    fixed = same_power(losses, options, min(power, 0.99))
                    runs = bought.runs.mean() / truth.size
                    values += f"{power:9.1%}{np.median(bought.seeds):6.0f}{runs:8.1f}{fixed:7d}"
                    values += f"{1 - runs / fixed:8.0%}   "
                yield f"{row:34s}{count:3d}{apart:6.1f}{values}"


def several_data_sets(sweeps: int) -> Iterator[str]:
    """Two options with one rate each: tied on all data sets, and the first ahead on all by half a unit."""
    generator = np.random.default_rng(0)
    for count in (2, 5):
        for apart in (0.0, 0.5):
            named = {"some data set": 0, "every data set": 0, "over all": 0, "anywhere": 0}
            runs = 0
            for _ in range(sweeps):
                sweep = SequentialDataSets(["a", "b"], [str(index) for index in range(count)], margin=0)
                while seeds := len(sweep.next_seeds):
                    losses = generator.normal(0, 0.5**0.5, (count, 2, seeds)) + np.array([[0], [apart]])
                    sweep.observe({name: losses[int(name)] for name in sweep.each})
                of_each = [len(sequential.state.living) == 1 for sequential in sweep.each.values()]
                over_all = len(sweep.overall.state.living) == 1
                named["some data set"] += any(of_each)
                named["every data set"] += all(of_each)
                named["over all"] += over_all
                named["anywhere"] += any(of_each) or over_all
                runs += sweep.runs
            shares = "   ".join(f"{where} {number / sweeps:6.1%}" for where, number in named.items())
            cost = runs / sweeps / (2 * count * LOOKS[-1])
            yield f"{count} data sets, {apart:.1f} apart   a winner on {shares}   runs {cost:.0%} of the most"


def show(title: str, rows: Iterator[str]) -> None:
    print(f"\n{title}")
    for row in rows:
        print(row, flush=True)


def main(sweeps: int, quick: bool) -> None:
    start = time.perf_counter()
    rows = dict(list(TIED.items())[: 2 if quick else None])
    heads = "   ".join("".join(f"{count:7d}" for count in OPTIONS) for _ in TESTS)
    title = f"{'':64s}{TESTS[0]:24s}{TESTS[1]:24s}{TESTS[2]}\n{'noise':26s}{'options':38s}{heads}"
    show(f"A false winner at any look up to 100 seeds, where it must not be named; {sweeps:,} sweeps\n{title}",
         false_winners(HOLDS, sweeps, rows))  # fmt: skip
    show(f"The same where the conditions do not hold\n{title}", false_winners(FAILS, sweeps, rows))
    show("A longer look", iter([long_run(sweeps)]))
    apart = "".join(f"{f'{apart} margins apart':24s}" for apart in (0, 0.5, 1, 1.5))
    columns = "   ".join("    tie   wins  wrong" for _ in range(4))
    show(f"Ties, normal noise, one margin being one unit\n{'':34s}{apart}\n{'':34s}{columns}", false_ties(sweeps))
    title = "Several data sets, two options, 1 rate, betting; apart by 0 any winner is false"
    show(title, several_data_sets(max(sweeps // 10, 1)))
    heads = "    power seeds    runs  fixed   saved   " * 2
    show(f"What is saved where the first is better; runs of a cell\n{'':43s}{'betting':41s}strict\n"
         f"{'options':34s}{'n':>3s}{'by':>6s}{heads}", savings(sweeps))  # fmt: skip
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    main(numbers[0] if numbers else QUICK if "--quick" in sys.argv else SWEEPS, "--quick" in sys.argv)
