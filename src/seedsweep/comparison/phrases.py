"""Numbers and names as sentences have them."""

import math
from collections.abc import Sequence

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def number_word(number: int) -> str:
    """A number in a sentence, in words up to twelve."""
    return NUMBERS[number] if number < len(NUMBERS) else f"{number:,}"


def significance(p: float) -> str:
    """A p-value as it is printed."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def rounded(value: float, error: float) -> str:
    """A number with the digits that its error supports: down to the second digit of the error.

    Args:
        value: the number.
        error: half the width of its interval; with 0 or nan there are three significant digits.

    Returns:
        The number, with an exponent where it is very large or small.
    """
    if not (error > 0 and math.isfinite(error)) or not math.isfinite(value):
        return f"{value:.3g}"
    decimals = 1 - math.floor(math.log10(error))
    magnitude = math.floor(math.log10(abs(value))) if value else -decimals
    if max(magnitude, 1 - decimals) < -4 or magnitude > 5:
        return f"{value:.{max(magnitude + decimals, 0)}e}"
    return f"{round(value, decimals) + 0.0:.{max(decimals, 0)}f}"


def amount(value: float, low: float, high: float) -> str:
    """A number with its limits, rounded to what these support.

    Args:
        value: the number.
        low: its lower limit.
        high: its upper limit.

    Returns:
        Such as `0.021 [0.012, 0.030]`; the number alone where a limit is nan.
    """
    if math.isnan(low) or math.isnan(high):
        return f"{value:.3g}"
    error = (high - low) / 2
    return f"{rounded(value, error)} [{rounded(low, error)}, {rounded(high, error)}]"


def per_cent(fraction: float) -> str:
    """A fraction such as 0.95 as `95 %`."""
    return f"{100 * fraction:.6g} %"
