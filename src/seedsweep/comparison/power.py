"""How many seeds would show a difference, were it as large as it seems now. See docs/statistics.md."""

import math
from bisect import bisect_left

import numpy as np

from seedsweep.comparison.intervals import Array

MOST_SEEDS = 10**6
WORTH_NAMING = 10_000  # seeds: nobody runs more of them to settle one question


def seeds_range(difference: float, sample: Array, level: float, confidence: float) -> tuple[float, float]:
    """How many seeds would show a difference, from the lower to the upper limit of its spread over seeds.

    The limits of the standard deviation are those of normal differences, by the chi-squared distribution.

    Args:
        difference: that is to be shown.
        sample: paired differences (n,), in the same units; those that are not finite are left out.
        level: below which the two-sided p-value must be, which is 2 of 2**n at the least.
        confidence: of the limits of the spread.

    Returns:
        Least and largest number of seeds; nan for both where there are fewer than two differences, the difference is 0,
        or the largest is over 10,000.
    """
    from scipy.special import chdtri

    finite = sample[np.isfinite(sample)]
    if len(finite) < 2:
        return math.nan, math.nan
    freedom, sd = len(finite) - 1, float(finite.std(ddof=1))
    limits = [sd * math.sqrt(freedom / chdtri(freedom, tail)) for tail in ((1 - confidence) / 2, (1 + confidence) / 2)]
    fewest, most = (seeds_needed(difference, limit, level) for limit in limits)
    if fewest is None or most is None or most > WORTH_NAMING:
        return math.nan, math.nan
    floor = math.ceil(1 - math.log2(level))
    return max(fewest, floor), max(most, floor)


def seeds_needed(difference: float, sd: float, level: float = 0.05, power: float = 0.9) -> int | None:
    """How many seeds a two-sided paired t test needs to find a difference, by the noncentral t distribution.

    `statsmodels.stats.power` gives the same, but nan from 20 standard deviations on, and takes five times as long.

    Args:
        difference: of the means of two cells.
        sd: the standard deviation over seeds of the paired differences, in the units of `difference`.
        level: below which the p-value must be.
        power: the probability that it is.

    Returns:
        The least number; None if the difference is 0, a number is not finite, or a million seeds do not suffice.
    """
    from scipy.special import nctdtr, ndtri, stdtrit

    if not (difference and math.isfinite(difference) and math.isfinite(sd)):
        return None
    effect = min(abs(difference) / sd, 1e6) if sd else 1e6

    def suffices(n: int) -> bool:
        critical, shift = stdtrit(n - 1, 1 - level / 2), effect * math.sqrt(n)
        upper, lower = np.nan_to_num(nctdtr(n - 1, shift, [critical, -critical]))  # nan where next to 0
        return bool(1 - upper + lower >= power)

    normal = (ndtri(1 - level / 2) + ndtri(power)) / effect  # squared: the number for a known spread, a little less
    start, span = max(2, min(int(normal**2), MOST_SEEDS)), 32
    if suffices(start):  # by the other tail, at a large level
        start, span = 2, start
    while not suffices(start + span):
        start, span = start + span, 2 * span
        if start > MOST_SEEDS:
            return None
    seeds = start + bisect_left(range(start, start + span), True, key=suffices)
    return seeds if seeds <= MOST_SEEDS else None
