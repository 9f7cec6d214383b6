"""How values of params are named, as options and in settings."""

import pandas as pd

from seedsweep.config.cutting import cut

NO_WORDS = ("true", "false", "null", "none", "nan")


def label(value: object) -> str:
    """A value of a param as options and settings are named.

    Args:
        value: of any type.

    Returns:
        Its string; of a float with twelve digits at most, a long one cut.
    """
    return f"{value:.12g}" if isinstance(value, float) else cut(str(value))


def labels(column: pd.Series) -> pd.Series:
    """The `label` of each value of a column, of which each distinct one is named once."""
    if column.dtype == object or column.empty:  # in which 1 and True would be the same
        return column.map(label)
    codes, distinct = pd.factorize(column, use_na_sentinel=False)
    return pd.Series(distinct, name=column.name).map(label).take(codes).set_axis(column.index)


def option_labels(column: pd.Series, by: str) -> pd.Series:
    """Names of options that can stand in a sentence.

    Args:
        column: of the param that is compared.
        by: its name.

    Returns:
        `adam` of words, and `batch_size=16` where a value is none, such as a number.
    """
    named = labels(column)
    if all(name[:1].isalpha() and name.lower() not in NO_WORDS for name in named.unique()):
        return named
    return f"{by.rpartition('.')[2]}=" + named
