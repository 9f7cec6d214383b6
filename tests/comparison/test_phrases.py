"""Numbers as sentences have them."""

import math

import pytest

from seedsweep.comparison.phrases import amount, number_word


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((0.0213456, 0.0179, 0.0247), "0.0213 [0.0179, 0.0247]"),
        ((0.5123, 0.2, 0.8246), "0.51 [0.20, 0.82]"),
        ((123.456, 100.0, 146.9), "123 [100, 147]"),
        ((0.00005, -0.0001, 0.0002), "0.00005 [-0.00010, 0.00020]"),
        ((1.2345e-7, 1.1e-7, 1.37e-7), "1.23e-07 [1.10e-07, 1.37e-07]"),
        ((1234567.0, 1.1e6, 1.369e6), "1.23e+06 [1.10e+06, 1.37e+06]"),
        ((0.5, math.nan, math.nan), "0.5"),
        ((0.0, 0.0, 0.0), "0 [0, 0]"),
    ],
)
def test_numbers_are_rounded_to_what_the_interval_supports(numbers: tuple[float, float, float], text: str) -> None:
    assert amount(*numbers) == text


def test_numbers_up_to_twelve_are_words() -> None:
    assert [number_word(number) for number in (1, 6, 12, 13, 1300)] == ["one", "six", "twelve", "13", "1,300"]
