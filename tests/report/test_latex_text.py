"""Names and numbers in LaTeX."""

import math

import pytest

from seedsweep.report.latex_text import as_text, measured


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("adam_w", r"adam\_w"),
        ("50% of R&D #1 for 5$", r"50\% of R\&D \#1 for 5\$"),
        ("a\\b{c}", r"a\textbackslash{}b\{c\}"),
        ("x^2 ~ <y|", r"x\textasciicircum{}2 \textasciitilde{} \textless{}y\textbar{}"),
        ("[a]*", "{[}a]{*}"),  # behind \\ they would be its arguments
        ("a---b", "a-{}-{}-b"),  # no dash
        ("Schrödinger Łódź", r"Schr\"{o}dinger \L{}\'{o}d\'{z}"),
        ("e\u0301", r"\'{e}"),
        ("α ≤ 10⁻³ – β₁", r"$\alpha$ $\leq$ 10\textsuperscript{$-$}\textsuperscript{3} \textendash{} $\beta$$_{1}$"),
        ("a\n\tb\x07", "a  bU+0007"),
        ("花", r"\ifdefined\Umathchar 花\else U+82B1\fi{}"),
        ("", ""),
    ],
)
def test_names_are_escaped(name: str, text: str) -> None:
    assert as_text(name) == text


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        ((0.22174, 0.21004, 0.23344), r"$0.222 \pm 0.012$"),
        ((0.7, 0.65, 0.75), r"$0.700 \pm 0.050$"),
        ((1.234e-7, 1.202e-7, 1.266e-7), r"$(1.234 \pm 0.032) \times 10^{-7}$"),
        ((-3.21e8, -3.33e8, -3.09e8), r"$(-3.21 \pm 0.12) \times 10^{8}$"),
        ((54321.0, 53000.0, 55642.0), r"$54300 \pm 1300$"),
        ((0.5, 0.4, 0.7), r"$0.50$ [$0.40$, $0.70$]"),
        ((0.5, math.nan, math.nan), "$0.5$"),
        ((1e-9, math.nan, math.nan), r"$1 \times 10^{-9}$"),
        ((0.3, 0.3, 0.3), r"$0.3 \pm 0$"),
    ],
)
def test_numbers_have_the_digits_that_their_interval_supports(interval: tuple[float, ...], text: str) -> None:
    assert measured(*interval) == text
