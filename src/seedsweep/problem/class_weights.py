"""How much a row of each class weighs in the loss."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from seedsweep.errors import ConfigError
from seedsweep.validation import check_positive

KEY = "data.class_weights"
BALANCED = "balanced"


def class_weights(given: Any, codes: np.ndarray, classes: Sequence[str]) -> np.ndarray | None:
    """The weights of the classes.

    Args:
        given: None, `balanced`, or a number for each class.
        codes: the classes of the training rows (n,), as indices.
        classes: their names.

    Returns:
        (k,) float64: what was given; balanced n / (k · rows of the class), as scikit-learn has it; None where all rows
        weigh the same.

    Raises:
        ConfigError: it is nothing of these.
    """
    if given is None:
        return None
    if given == BALANCED:
        return len(codes) / (len(classes) * np.bincount(codes, minlength=len(classes)))
    if not isinstance(given, list | tuple) or len(given) != len(classes):
        names = ", ".join(classes[:12]) + (", …" if len(classes) > 12 else "")
        raise ConfigError(KEY, given, f"must be {BALANCED}, null, or {len(classes)} numbers, for the classes {names}")
    for weight in given:
        check_positive(KEY, weight)
    return np.array(given, dtype=np.float64)
