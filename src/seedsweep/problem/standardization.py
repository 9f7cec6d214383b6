"""What numbers are standardised by, as scikit-learn's `StandardScaler` finds it, to the bit: importing scikit-learn
takes longer than a sweep."""

import numpy as np


def mean_and_scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the standard deviation of each column.

    Args:
        values: (n, d), all finite.

    Returns:
        Two arrays (d,) of 64 bits. Of a column of one value the mean is that value and the scale 1; the scale is also 1
        of one whose deviation is no more than rounding makes.
    """
    values = np.asarray(values, dtype=np.float64)
    rows, rounding = len(values), np.finfo(np.float64).eps
    mean = values.sum(axis=0) / rows
    # the corrected two-pass algorithm: Chan, Golub and LeVeque (1983), Algorithms for Computing the Sample Variance
    deviations = values - mean
    variance = ((deviations**2).sum(axis=0) - deviations.sum(axis=0) ** 2 / rows) / rows
    scale = np.sqrt(variance)
    scale[variance <= rows * rounding * variance + (rows * mean * rounding) ** 2] = 1.0
    is_constant = (values == values[0]).all(axis=0)  # its mean may be another number, by rounding
    return np.where(is_constant, values[0], mean), np.where(is_constant, 1.0, scale)
