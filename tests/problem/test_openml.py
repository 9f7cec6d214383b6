"""Data sets of OpenML, which scikit-learn's own `fetch_openml` reads from its cache."""

from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
from shared.commands import config
from shared.openml import fill_cache
from shared.waiting import free_port
from sklearn.datasets import load_iris
from sklearn.datasets._openml import OpenMLError

import seedsweep
from seedsweep.errors import ConfigError
from seedsweep.problem.factories import data
from seedsweep.problem.openml import OpenML


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache, and no network."""
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # before the second try
    return tmp_path


def openml(data_id: int, **keys: object) -> OpenML:
    return OpenML(name="mine", data_id=data_id, path=None, **keys)  # type: ignore[arg-type]


def test_any_data_set_is_read_by_its_id(cache: Path) -> None:
    fill_cache(cache, 61)
    splits = data(seedsweep.resolve(config("data=openml", "data.data_id=61", "model=mlp")))
    assert splits.classes == ("Iris-setosa", "Iris-versicolor", "Iris-virginica")
    assert splits.feature_names == ("sepallength", "sepalwidth", "petallength", "petalwidth")
    assert (len(splits.train), len(splits.val), len(splits.test)) == (105, 22, 23)
    assert config("data=openml", "data.data_id=61").data.name == "openml_61"


def test_its_rows_are_those_of_the_same_data_elsewhere(cache: Path) -> None:
    fill_cache(cache, 61)
    features = openml(61).read().features
    differing = (np.abs(features - load_iris().data) > 0).any(axis=1)
    assert differing.sum() <= 3, "two rows of scikit-learn's are known to differ"


def test_the_target_is_openmls_unless_another_one_is_named(cache: Path) -> None:
    fill_cache(cache, 61)
    assert openml(61, target="CLASS").read().classes == openml(61).read().classes, "as banknote's file has it"
    assert not openml(61, target="sepallength", features=("petallength",)).read().classes, "a regression"
    with pytest.raises(ConfigError, match="data.target=kind: no such column; there are sepallength"):
        openml(61, target="kind").read()


def test_a_target_is_required_where_openml_has_none(cache: Path) -> None:
    fill_cache(cache, 42074)
    with pytest.raises(
        ConfigError, match="data.target=null: OpenML has no default for data set 42074: name one; there"
    ):
        openml(42074).read()


def test_columns_that_are_no_numbers_are_refused_at_once_with_those_that_are(cache: Path) -> None:
    fill_cache(cache, 42585)
    said = r"data.features=island: holds no numbers \(nor do 1 more of 6 columns\); choose from data.features=\[culmen_"
    with pytest.raises(ConfigError, match=said):
        openml(42585, categorical="refuse").read()
    with pytest.raises(ConfigError, match="data.missing=refuse: values are missing, 2 in body_mass_g;"):
        openml(42585, features=("body_mass_g",)).read()


def test_its_categories_are_columns_of_their_levels(cache: Path) -> None:
    fill_cache(cache, 42585)
    table = openml(42585, missing="drop").read()
    assert table.feature_names[0] == "island=Biscoe"
    assert set(np.unique(table.features[:, 0])) == {0, 1}


def test_without_a_network_a_file_is_asked_for() -> None:
    said = r"data.path=null: OpenML's data set 61 cannot be fetched \(.*data.path=FILE.csv data.target=COLUMN"
    with pytest.raises(ConfigError, match=said):
        openml(61).read()


def test_an_id_that_openml_has_not_is_said_to_be_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(**_: object) -> None:
        raise OpenMLError("Dataset with data_id 99999999 not found.")

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", unknown)
    with pytest.raises(ConfigError, match="data.data_id=99999999: OpenML has no data set of that id"):
        openml(99999999).read()


def test_an_id_is_a_number_and_a_file_needs_a_target() -> None:
    with pytest.raises(ConfigError, match="data.data_id=iris: must be an integer of at least 1, the number in its"):
        openml("iris")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="data.target=null: a value is required for a file"):
        OpenML(name="mine", data_id=61, path="mine.csv").read()
