"""How values of params are named, as options and in settings."""

from collections.abc import Iterable

from seedsweep.config.cutting import cut


def label(value: object) -> str:
    """A value of a param as options and settings are named.

    Args:
        value: of any type.

    Returns:
        Its string; of a float with twelve digits at most, a long one cut.
    """
    return f"{value:.12g}" if isinstance(value, float) else cut(str(value))


def option_labels(values: Iterable[object], by: str) -> list[str]:
    """Names of options that can stand in a sentence.

    Args:
        values: of the param that is compared.
        by: its name.

    Returns:
        `adam` of words, and `batch_size=16` where a value is none, such as a number.
    """
    labels = [label(value) for value in values]
    if all(name[:1].isalpha() and name.lower() not in ("true", "false", "null", "none", "nan") for name in labels):
        return labels
    return [f"{by.rpartition('.')[2]}={name}" for name in labels]
