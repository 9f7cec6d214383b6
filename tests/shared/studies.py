"""Values of studies and seeds, made by hand or at random."""

import numpy as np
import pandas as pd

from seedsweep.comparison.intervals import Array

LUCKY = np.array([1.0, 1.2, 0.7, 1.1, 0.9])  # what five seeds add


def frame(**tables: Array | list[list[float]]) -> pd.DataFrame:
    """A row a run, of values (studies, seeds) by option."""
    cells = [(option, np.asarray(values, dtype=float)) for option, values in tables.items()]
    rows = [
        (option, f"{option}-{study}", seed, value)
        for option, values in cells
        for (study, seed), value in np.ndenumerate(values)
    ]
    return pd.DataFrame(rows, columns=["option", "study", "seed", "value"])


def sampled(generator: np.random.Generator, study: float, rest: float = 0.3, seeds: Array | float = 0.0) -> Array:
    """Values (3, 5) of mean zero; `seeds` (5,) is what they have in common with another option."""
    return generator.normal(0, study, (3, 1)) + generator.normal(0, 0.5, 5) + seeds + generator.normal(0, rest, (3, 5))
