"""Rows cut in two at random, as scikit-learn's `train_test_split` cuts them, to the bit: importing scikit-learn takes
longer than a sweep."""

import math

import numpy as np


def cut_in_two(indices: np.ndarray, share: float, seed: int, strata: np.ndarray | None) -> tuple[np.ndarray, ...]:
    """Cut rows into those to train on and those held out.

    Args:
        indices: of the rows (n,).
        share: of the rows that are held out, between 0 and 1; their number is rounded up.
        seed: of the order in which they are drawn.
        strata: of the rows (n,); each is cut by the same share, as nearly as whole rows allow. None for no strata.

    Returns:
        The indices of both parts, in the order drawn.

    Raises:
        ValueError: a part, or a stratum, has too few rows.
    """
    held_out = math.ceil(share * len(indices))
    rest = len(indices) - held_out
    if rest == 0:
        raise ValueError("no rows are left to train on")
    random = np.random.RandomState(seed)
    if strata is None:
        drawn = random.permutation(len(indices))
        return indices[drawn[held_out:]], indices[drawn[:held_out]]
    _, strata, counts = np.unique(strata, return_inverse=True, return_counts=True)
    if counts.min() < 2 or min(rest, held_out) < len(counts):
        raise ValueError("a stratum has fewer than two rows, or a part fewer rows than there are strata")
    members = np.split(np.argsort(strata, kind="stable"), np.cumsum(counts)[:-1])
    trained = _shares(counts, rest, random)
    tested = _shares(counts - trained, held_out, random)
    both: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for rows, first, second in zip(members, trained, tested, strict=True):
        drawn = rows[random.permutation(len(rows))]
        both[0].append(drawn[:first])
        both[1].append(drawn[first : first + second])
    return tuple(indices[random.permutation(np.concatenate(chosen))] for chosen in both)


def _shares(counts: np.ndarray, rows: int, random: np.random.RandomState) -> np.ndarray:
    """How many rows of each stratum (k,) are drawn: in proportion, the largest remainders rounded up, ties by lot."""
    exact = counts / counts.sum() * rows
    drawn: np.ndarray = np.floor(exact)
    remainders = exact - drawn
    left = int(rows - drawn.sum())
    for value in np.unique(remainders)[::-1]:
        if left == 0:
            break
        tied = np.flatnonzero(remainders == value)
        chosen = random.choice(tied, size=min(len(tied), left), replace=False)
        drawn[chosen] += 1
        left -= len(chosen)
    return drawn.astype(np.int64, copy=False)
