"""What the intervals, tests and verdicts of `seedsweep.comparison` keep of their promises, on made-up runs.

    python benchmarks/coverage.py [repetitions]

Simulates where the truth is known; docs/statistics.md holds what it printed. The verdicts have a fifth as many.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
import verdicts
from scipy.special import ndtri

from seedsweep.comparison import inference, intervals
from seedsweep.comparison.interquartile import interquartile_mean
from seedsweep.comparison.intervals import Array, Interval

SIZES = (5, 10, 30)
GROUPS, SEEDS, SHARED = 12, 20, 0.5  # SHARED: the correlation of two groups' runs of equal seeds
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]
Compute = Callable[[Array, np.random.Generator], Interval]


def normal(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return generator.standard_normal(shape)


def lognormal(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """As final losses often are: a long tail of bad runs, skewness 6."""
    return np.exp(generator.standard_normal(shape))


def percentile(values: Array, generator: np.random.Generator, resamples: int = 2_000) -> Interval:
    """The plain bootstrap of the mean, to compare with."""
    means = values[generator.integers(values.size, size=(resamples, values.size))].mean(axis=1)
    return Interval(float(values.mean()), *np.quantile(means, [0.025, 0.975]).tolist())


def effect(values: Array, generator: np.random.Generator) -> Interval:
    """Of runs that are smaller than those of the other half with probability 0.8."""
    half = values.size // 2
    return intervals.probability(values[:half], values[half:] + ndtri(0.8) * 2**0.5, paired=False)


MIDDLE = (np.arange(10**6) + 0.5) / 2e6 + 0.25  # the probabilities of the middle half
TRUTH = {
    ("mean", "normal"): 0.0,
    ("mean", "lognormal"): float(np.exp(0.5)),
    ("paired difference", "normal"): 0.0,
    ("paired difference", "lognormal"): 0.0,
    ("plain bootstrap of the mean", "normal"): 0.0,
    ("plain bootstrap of the mean", "lognormal"): float(np.exp(0.5)),
    ("median", "normal"): 0.0,
    ("median", "lognormal"): 1.0,
    ("interquartile mean", "normal"): 0.0,
    ("interquartile mean", "lognormal"): float(np.exp(ndtri(MIDDLE)).mean()),
    ("probability, n against n", "normal"): 0.8,
}
COMPUTE: dict[str, Compute] = {
    "mean": lambda values, generator: intervals.mean(values),
    "paired difference": lambda values, generator: intervals.paired(values[::2] - values[1::2]),
    "plain bootstrap of the mean": percentile,
    "median": lambda values, generator: intervals.median(values),
    "interquartile mean": lambda values, generator: interquartile_mean(values, generator),
    "probability, n against n": effect,
}
DOUBLE = ("paired difference", "probability, n against n")  # they take two values a seed


def coverage(what: str, draw: Draw, n: int, repetitions: int) -> tuple[float, float]:
    """How often the interval holds the truth, and its median width."""
    generator = np.random.default_rng([n, len(what)])
    samples = draw(generator, (repetitions, 2 * n if what in DOUBLE else n))
    estimates = np.array([COMPUTE[what](sample, generator) for sample in samples])
    truth = TRUTH[what, draw.__name__]
    low, high = estimates[:, 1], estimates[:, 2]
    return float(((low <= truth) & (truth <= high)).mean()), float(np.median(high - low))


def identical(repetitions: int) -> tuple[float, float]:
    """How often any pair of groups that are all the same is told apart, without and with Holm's adjustment."""
    generator, pairs = np.random.default_rng(GROUPS), np.triu_indices(GROUPS, 1)
    counts = np.zeros(2)
    for _ in range(repetitions):
        seeds = generator.standard_normal((SEEDS, 1))
        runs = SHARED**0.5 * seeds + (1 - SHARED) ** 0.5 * generator.standard_normal((SEEDS, GROUPS))
        p = np.full((GROUPS, GROUPS), np.nan)
        p[pairs] = inference.sign_flip(runs[:, pairs[0]] - runs[:, pairs[1]], generator)
        counts += np.nanmin(p) < 0.05, np.nanmin(inference.holm(p)) < 0.05
    return tuple((counts / repetitions).tolist())


def power(shift: float, n: int, repetitions: int) -> float:
    """How often the sign-flip test finds a difference of `shift` paired sd, at 0.05."""
    generator = np.random.default_rng(n)
    differences = generator.normal(shift, 1, size=(n, repetitions))
    return float((inference.sign_flip(differences, generator) < 0.05).mean())


def main(repetitions: int) -> None:
    start = time.perf_counter()
    print(f"Coverage of 95 % intervals, and their median width; {repetitions} repetitions")
    print(f"{'':40s}" + "".join(f"n = {n:<13d}" for n in SIZES))
    for what, distribution in TRUTH:
        draw = normal if distribution == "normal" else lognormal
        print(f"{what + ', ' + distribution:40s}", end="", flush=True)
        for n in SIZES:
            covered, width = coverage(what, draw, n, repetitions)
            print(f"{covered:6.1%} {width:5.2f}      ", end="", flush=True)
        print(flush=True)
    print(f"\n{GROUPS} identical groups × {SEEDS} seeds, correlation {SHARED}; {repetitions // 2} repetitions")
    plain, adjusted = identical(repetitions // 2)
    print(f"any pair p < 0.05: {plain:6.1%}   after Holm: {adjusted:6.1%}", flush=True)
    print("\nA difference of one paired sd is found (sign-flip test of one pair, p < 0.05)")
    for n in (5, 6, 10, 20, 30):
        print(
            f"n = {n:2d}   {power(1.0, n, repetitions):6.1%}   (of none: {power(0.0, n, repetitions):5.1%})", flush=True
        )
    verdicts.main(repetitions // 5)
    print(f"\n{time.perf_counter() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4_000)
