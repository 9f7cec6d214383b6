"""Splits, standardisation and the order of minibatches."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from shared.commands import BANKNOTE, needs_banknote
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale
from torch.utils.data import DataLoader

from seedsweep.errors import ConfigError
from seedsweep.problem.data_module import DataModule
from seedsweep.problem.datasets import ScikitLearn
from seedsweep.problem.files import File
from seedsweep.problem.splits import ORDER_STREAM, prepare

CANCER = ScikitLearn(name="breast_cancer", loader="breast_cancer")
IRIS = ScikitLearn(name="iris", loader="iris")


def test_splits_are_70_15_15_and_stratified() -> None:
    splits = prepare(CANCER)
    sizes = [len(part) for part in (splits.train, splits.val, splits.test)]
    shares = [float(part.tensors[1].float().mean()) for part in (splits.train, splits.val, splits.test)]
    assert sizes == [398, 85, 86]
    assert np.ptp(shares) < 0.01


def test_splits_are_disjoint_and_complete() -> None:
    dataset = ScikitLearn(name="breast_cancer", loader="breast_cancer", standardize="none")
    splits = prepare(dataset)
    rows = torch.cat([part.tensors[0] for part in (splits.train, splits.val, splits.test)])
    assert len(rows) == 569
    assert len(torch.unique(rows, dim=0)) == len(np.unique(load_breast_cancer().data.astype(np.float32), axis=0))


def test_standardisation_is_fitted_on_the_training_rows() -> None:
    splits = prepare(CANCER)
    features = splits.train.tensors[0].double()
    torch.testing.assert_close(features.mean(0), torch.zeros(30).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(features.std(0, correction=0), torch.ones(30).double(), atol=1e-6, rtol=0)
    assert splits.val.tensors[0].mean(0).abs().max() > 0.01


@needs_banknote
def test_notebook_split_is_scikit_learns() -> None:
    table = pd.read_csv(BANKNOTE)
    features = scale(table.drop(columns="class").to_numpy()).astype(np.float32)
    train, held_out = train_test_split(features, test_size=0.3, random_state=42)
    dataset = File(name="banknote", path=str(BANKNOTE), target="class", standardize="all", stratify=False)
    splits = prepare(dataset)
    np.testing.assert_allclose(splits.train.tensors[0], train, atol=1e-6)
    assert len(splits.val) == len(splits.test) == len(held_out) / 2 == 206


def test_minibatches_equal_those_of_a_plain_loader() -> None:
    splits = prepare(CANCER)
    generator = torch.Generator().manual_seed(ORDER_STREAM + 3)
    plain = DataLoader(splits.train, 16, shuffle=True, generator=generator)
    ours = DataModule(splits, 16, order_seed=3).train_dataloader()
    for _ in range(3):
        for expected, batch in zip(plain, ours, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(expected, batch, strict=True))


def test_another_order_seed_is_another_order() -> None:
    splits = prepare(CANCER)
    first, second = (next(iter(DataModule(splits, 16, seed).train_dataloader()))[0] for seed in (0, 1))
    assert not torch.equal(first, second)


def test_positive_class_is_set_against_the_rest() -> None:
    dataset = ScikitLearn(name="iris", loader="iris", positive_class="virginica")
    splits = prepare(dataset)
    assert splits.classes == ("not virginica", "virginica")
    assert sum(int(part.tensors[1].sum()) for part in (splits.train, splits.val, splits.test)) == 50


def test_text_classes_are_numbered_in_sorted_order(tmp_path: Path) -> None:
    table = pd.DataFrame({"x": range(40), "kind": ["b", "a"] * 20})
    table.to_parquet(tmp_path / "t.parquet")
    read = File(name="t", path=str(tmp_path / "t.parquet"), target="kind").read()
    assert read.classes == ("a", "b")
    assert read.target[:2].tolist() == [1, 0]


def test_changed_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    dataset = File(name="t", path=str(file), target="y", batch_size=2)
    pd.DataFrame({"x": range(40), "y": [0, 1] * 20}).to_csv(file, index=False)
    before = prepare(dataset)
    assert prepare(dataset) is before
    pd.DataFrame({"x": range(41, 91), "y": [0, 1] * 25}).to_csv(file, index=False)
    assert prepare(dataset).fingerprint != before.fingerprint


WRONG = {
    "": "is empty",
    "a,b,y\n": "has no rows",
    "a,b,y\n1,2,0\n1,2,3,1\n": "saw 4",
    "a,b,y\n1,2,0,9\n1,2,1,9\n": "is no CSV",
    "a,b,y\n1,2,0\n1,2\n": "data.target=y: has 1 missing",
    "a,b,y\n1,x,0\n1,2,1\n": "data.features=b: .* row 1 is 'x'",
    "a,b,y\n1,2,0\n1,,1\n": "data.missing=refuse: values are missing, 1 in b; data.missing=drop",
    "a,b,y\n1,2,0\n1,inf,1\n": "data.features=b: .* row 2",
    "a,b,z\n1,2,0\n1,2,1\n": "data.target=y: no such column; there are a, b, z",
    "a,b,y\n1,2,0\n1,3,0\n": "one class only, 0",
    "a,b,y\n1,2,0\n1,3,1\n": "2 rows are too few",
    "y\n0\n1\n": "no column to learn from",
}


@pytest.mark.parametrize(("text", "message"), WRONG.items(), ids=range(len(WRONG)))
def test_wrong_table_is_refused_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ConfigError, match=message):
        prepare(File(name="t", path=str(tmp_path / "t.csv"), target="y"))


def test_columns_named_by_numbers_can_be_chosen(tmp_path: Path) -> None:
    pd.DataFrame({0: range(40), 1: [0, 1] * 20}).to_parquet(tmp_path / "t.parquet")
    read = File(name="t", path=str(tmp_path / "t.parquet"), target=1, features=(0,)).read()  # type: ignore[arg-type]
    assert read.feature_names == ("0",)


def test_dates_are_no_numbers(tmp_path: Path) -> None:
    pd.DataFrame({"x": pd.date_range("2020", periods=4), "y": [0, 1] * 2}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ConfigError, match="data.features=x: holds datetime64"):
        File(name="t", path=str(tmp_path / "t.parquet"), target="y").read()


def test_feature_that_is_the_target_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n1,0\n2,1\n")
    with pytest.raises(ConfigError, match="data.features=y: is the target"):
        File(name="t", path=str(tmp_path / "t.csv"), target="y", features=("y",)).read()
