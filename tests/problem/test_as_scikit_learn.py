"""What is done to rows in lines of our own is what scikit-learn does, to the bit."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from seedsweep.problem import bundled_files
from seedsweep.problem.bundled_files import FILES, read_bundled
from seedsweep.problem.datasets import ScikitLearn
from seedsweep.problem.standardization import mean_and_scale
from seedsweep.problem.train_test import cut_in_two


def targets() -> list[np.ndarray | None]:
    """Rows of few and of many classes, some of them rare; and rows without classes."""
    random = np.random.default_rng(0)
    many = [random.integers(0, random.integers(1, 12), random.integers(4, 400)) for _ in range(150)]
    rare = [np.repeat(np.arange(4), counts) for counts in ([2, 2, 50, 9], [2, 3, 2, 2], [97, 2, 2, 5])]
    return [*many, *rare, *(None for _ in range(20))]


def test_rows_are_cut_as_scikit_learn_cuts_them() -> None:
    random, refused = np.random.default_rng(1), 0
    for strata in targets():
        indices = random.permutation(1000)[: random.integers(1, 400) if strata is None else len(strata)]
        for seed, share in ((0, 0.3), (42, 0.5), (7, 0.15)):
            try:
                expected = train_test_split(indices, test_size=share, random_state=seed, stratify=strata)
            except ValueError:
                refused += 1
                with pytest.raises(ValueError, match=r"rows"):
                    cut_in_two(indices, share, seed, strata)
                continue
            for part, same in zip(cut_in_two(indices, share, seed, strata), expected, strict=True):
                np.testing.assert_array_equal(part, same)
    assert 20 < refused < 300


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_rows_are_standardised_as_scikit_learn_standardises_them() -> None:
    random = np.random.default_rng(2)
    for rows in (1, 2, 3, 17, 300, 5000):
        values = random.normal(size=(rows, 12)) * 10.0 ** np.arange(-6, 6) + 10.0 ** random.integers(-3, 9, 12)
        values[:, 3], values[:, 4] = 0.1, 1e17
        values[:, 5] = 1e9 + 1e-8 * random.normal(size=rows)  # hardly more than rounding
        scaler = StandardScaler().fit(values)
        mean, scale = mean_and_scale(values)
        constant = (values == values[0]).all(axis=0)
        np.testing.assert_array_equal(mean[~constant], scaler.mean_[~constant])
        np.testing.assert_array_equal(scale[~constant], scaler.scale_[~constant])
        np.testing.assert_array_equal(mean[constant], values[0, constant])
        assert set(scale[constant]) <= {1.0}


@pytest.mark.parametrize("loader", FILES)
def test_bundled_data_sets_are_those_that_scikit_learn_loads(loader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = ScikitLearn(name=loader, loader=loader)
    features, target = dataset.load()
    bunch = getattr(datasets, f"load_{loader}")(as_frame=True)
    pd.testing.assert_frame_equal(features, bunch.data, check_exact=True)
    np.testing.assert_array_equal(target.cat.codes, bunch.target)
    assert list(target.cat.categories) == list(map(str, bunch.target_names))
    monkeypatch.setattr(bundled_files, "FILES", {})  # as where the file is not here
    for one, other in zip((features, target), dataset.load(), strict=True):
        assert one.equals(other)


def test_a_file_that_is_not_the_one_known_is_left_to_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    other = FILES["iris"]._replace(columns=("one", "two"))
    monkeypatch.setitem(FILES, "iris", other)
    assert read_bundled("iris") is None
    monkeypatch.setitem(FILES, "iris", other._replace(name=str(Path("none.csv"))))
    assert read_bundled("iris") is None
    assert read_bundled("diabetes") is None
