"""Names and numbers as LaTeX sets them, with nothing but its base: every engine compiles what comes out."""

import math
import re
import unicodedata

from seedsweep.comparison.phrases import rounded

SPECIAL = {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", '"': "''"}
SPECIAL |= {sign: rf"\{sign}" for sign in "&%$#_{}"}
SPECIAL |= {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}  # which old fonts have not in their places
SPECIAL |= {"[": "{[}", "*": "{*}"}  # behind the end of a row they would belong to it
SPECIAL |= {"–": r"\textendash{}", "—": r"\textemdash{}", "‘": "`", "’": "'", "“": "``", "”": "''", "…": r"\dots{}"}
SPECIAL |= {"ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}", "ø": r"\o{}", "Ø": r"\O{}"}
SPECIAL |= {"ł": r"\l{}", "Ł": r"\L{}", "ı": r"\i{}", "−": "$-$", "°": r"$^\circ$"}
MATH = {"±": "pm", "×": "times", "÷": "div", "·": "cdot", "≤": "leq", "≥": "geq", "≠": "neq", "≈": "approx", "→": "to"}
MATH |= {"∞": "infty", "∇": "nabla", "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta"}
MATH |= {"η": "eta", "θ": "theta", "κ": "kappa", "λ": "lambda", "µ": "mu", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi"}
MATH |= {"ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma"}
MATH |= {"Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega"}
ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": "."}
ACCENTS |= {"\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0323": "d", "\u0327": "c"}
RAISED = {"<super>": r"\textsuperscript{%s}", "<sub>": "$_{%s}$"}


def as_text(name: str) -> str:
    """A name as text of LaTeX, whatever its letters are.

    Args:
        name: in plain Unicode.

    Returns:
        The name with its special characters escaped. Letters that no font of pdfLaTeX has are set by XeLaTeX and
        LuaLaTeX, and by pdfLaTeX as their numbers in Unicode.
    """
    return re.sub("-(?=-)", "-{}", "".join(map(_sign, unicodedata.normalize("NFC", name))))  # two would make a dash


def measured(mean: float, low: float, high: float) -> str:
    """A mean and its interval in math mode, such as `$0.221 \\pm 0.012$`, rounded to what the interval supports.

    Args:
        mean: the number.
        low: lower limit; nan where there is none.
        high: upper limit; where it is not as far away the limits are written out.

    Returns:
        The mean alone where it has no interval.
    """
    half = (high - low) / 2
    if math.isnan(half):
        return f"${_power(f'{mean:.3g}')}$"
    if not math.isclose(high - mean, mean - low, rel_tol=1e-6, abs_tol=1e-9 * abs(mean)):
        middle, lower, upper = (f"${_power(rounded(value, half))}$" for value in (mean, low, high))
        return f"{middle} [{lower}, {upper}]"
    if "e" not in rounded(mean, half):
        return rf"${rounded(mean, half)} \pm {_power(rounded(half, half))}$"
    power = math.floor(math.log10(max(abs(mean), half)))
    mean, half = mean / 10.0**power, half / 10.0**power
    return rf"$({rounded(mean, half)} \pm {_power(rounded(half, half))}) \times 10^{{{power}}}$"


def _power(number: str) -> str:
    """The number of a program such as `1.2e-07` as people write it."""
    digits, _, power = number.partition("e")
    return rf"{digits} \times 10^{{{int(power)}}}" if power else digits


def _sign(sign: str) -> str:
    """One character as text of LaTeX."""
    if sign in SPECIAL or (sign.isascii() and sign.isprintable()):
        return SPECIAL.get(sign, sign)
    if sign in MATH:
        return rf"$\{MATH[sign]}$"
    kind, _, parts = unicodedata.decomposition(sign).partition(" ")
    if kind in RAISED:
        return RAISED[kind] % as_text("".join(chr(int(part, 16)) for part in parts.split()))
    parted = unicodedata.normalize("NFD", sign)
    if parted[0].isascii() and parted[1:] in ACCENTS:
        return rf"\{ACCENTS[parted[1:]]}{{{parted[0]}}}"
    return _rare(sign)


def _rare(sign: str) -> str:
    """A character that pdfLaTeX may not know: only engines that have all of Unicode read it."""
    code = f"U+{ord(sign):04X}"
    if sign.isspace():
        return " "
    if unicodedata.category(sign).startswith("C"):
        return code
    return rf"\ifdefined\Umathchar {sign}\else {code}\fi{{}}"
