"""Made-up sweeps, options × rates × seeds, of which the truth is known.

The unit of losses is the standard deviation of the difference of two runs of equal seeds.
"""

from collections.abc import Callable, Iterator

import numpy as np

from seedsweep.comparison.intervals import Array

RATES = 1, 6, 12
SHARED = 0.5  # the correlation of two runs of equal seeds
CURVATURE = 0.5  # of the loss over the rates
Truth = Callable[[int, int], Array]  # the true means (options, rates) of so many options and rates
Noise = Callable[[np.random.Generator, tuple[int, int, int]], Array]  # (options, rates, seeds), of mean 0 and sd 1


def normal(generator: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    return generator.standard_normal(shape)


def skewed(generator: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """Lognormal: a long tail of bad runs, skewness 6, the same for all options."""
    noise = np.exp(generator.standard_normal(shape))
    return np.asarray((noise - np.exp(0.5)) / np.sqrt(np.exp(2) - np.exp(1)))


def mixed(generator: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """Skewed for the first option and every second one after it, normal for the others."""
    noise = normal(generator, shape)
    noise[::2] = skewed(generator, noise[::2].shape)
    return noise


def lone(generator: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """Skewed for the first option, and hardly any for the others: the worst case of all."""
    noise = 0.1 * normal(generator, shape)
    noise[:1] = skewed(generator, noise[:1].shape)
    return noise


def bowl(rates: int, best: int) -> Array:
    return np.asarray(CURVATURE * (np.arange(rates) - best) ** 2.0)


def same_bowl(options: int, rates: int) -> Array:
    return np.tile(bowl(rates, rates // 3), (options, 1))


def best_elsewhere(options: int, rates: int) -> Array:
    """The best rates of the options are spread over all of them."""
    return np.stack([bowl(rates, option * (rates - 1) // (options - 1)) for option in range(options)])


def all_alike(options: int, rates: int) -> Array:
    return np.zeros((options, rates))


def one_flat(options: int, rates: int) -> Array:
    """The first has many chances to be lucky, and the others one each."""
    return same_bowl(options, rates) * (np.arange(options) > 0)[:, None]


def two_tied(options: int, rates: int) -> Array:
    return same_bowl(options, rates) + (np.arange(options) > 1)[:, None]


def first_better(truth: Truth, by: float) -> Truth:
    return lambda options, rates: truth(options, rates) + by * (np.arange(options) > 0)[:, None]


NOISES: tuple[Noise, ...] = normal, skewed, mixed
TIED: dict[str, Truth] = {
    "all cells alike": all_alike,
    "the same bowl": same_bowl,
    "bowls, best elsewhere": best_elsewhere,
    "the first flat, others bowls": one_flat,
    "two tied, the others 1 worse": two_tied,
}
BETTER = {name: first_better(TIED[name], 1.0) for name in list(TIED)[:3]}


def shapes(truths: dict[str, Truth]) -> Iterator[tuple[str, Truth, int]]:
    """Truths and numbers of rates that make a difference: with one rate there are no shapes."""
    for rates in RATES:
        for name, truth in truths.items():
            if rates > 1 or name in ("all cells alike", "two tied, the others 1 worse"):
                yield f"{name}, {rates} rate{'s' * (rates > 1)}", truth, rates


def experiments(truth: Array, noise: Noise, n: int, repetitions: int) -> Iterator[Array]:
    """Losses (options, rates, seeds), the same for equal arguments."""
    generator = np.random.default_rng([*truth.shape, n])
    for _ in range(repetitions):
        seeds, runs = generator.standard_normal(n), noise(generator, (*truth.shape, n))
        yield truth[..., None] + (SHARED**0.5 * seeds + (1 - SHARED) ** 0.5 * runs) / (2 * (1 - SHARED)) ** 0.5
