"""The files of data sets inside scikit-learn, read without importing it, which takes longer than a sweep."""

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

MEASURED = ("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points")
OF_CELLS = (*MEASURED, "symmetry", "fractal dimension")


class BundledFile(NamedTuple):
    """A file, the names of its columns but for the last, the class; and the classes where it does not say them."""

    name: str
    columns: tuple[str, ...]
    classes: tuple[str, ...] = ()


FILES = {
    "breast_cancer": BundledFile(
        "breast_cancer.csv",
        (
            *(f"mean {name}" for name in OF_CELLS),
            *(f"{name} error" for name in OF_CELLS),
            *(f"worst {name}" for name in OF_CELLS),
        ),
    ),
    "digits": BundledFile(
        "digits.csv.gz",
        tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8)),
        tuple(map(str, range(10))),
    ),
    "iris": BundledFile("iris.csv", ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")),
    "wine": BundledFile(
        "wine_data.csv",
        (
            *("alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids"),
            *("nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280/od315_of_diluted_wines"),
            "proline",
        ),
    ),
}


def read_bundled(loader: str) -> tuple[pd.DataFrame, pd.Series] | None:
    """The features and the classes of a data set.

    Args:
        loader: the name after scikit-learn's `load_`.

    Returns:
        What scikit-learn would give; None where the file is not the one known here, as in another version.
    """
    package, bundled = find_spec("sklearn"), FILES.get(loader)
    if bundled is None or package is None or not package.submodule_search_locations:
        return None
    file = Path(package.submodule_search_locations[0]) / "datasets" / "data" / bundled.name
    if not file.is_file():
        return None
    classes = bundled.classes or tuple(_first_line(file).split(",")[2:])
    rows = np.loadtxt(file, delimiter=",", skiprows=0 if bundled.classes else 1, ndmin=2)
    if rows.shape[1] != len(bundled.columns) + 1:
        return None
    target = pd.Categorical.from_codes(rows[:, -1].astype(np.int64), pd.Index(classes))
    return pd.DataFrame(rows[:, :-1], columns=list(bundled.columns)), pd.Series(target)


def _first_line(file: Path) -> str:
    """The line of a file that says how many rows and columns there are, and the classes."""
    with file.open(encoding="utf-8") as stream:
        return stream.readline().strip()
