"""Datasets of torch and arrays with more than two dimensions, from Python."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from shared.torch_datasets import Convolution, Items, Stream, digits
from sklearn.datasets import load_digits

import seedsweep

SHORT = ("trainer.max_epochs=1", "data.batch_size=256", "compare=null")


def written() -> list[Path]:
    return sorted((Path.cwd() / "mlruns" / "data").iterdir())


def test_a_torch_dataset_trains_networks_for_images_in_a_fleet(uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    results = seedsweep.sweep(*SHORT, data=digits(), model=Convolution, optimizer=["sgd", "adam"], seeds=2)
    assert results.runs["outcome"].tolist() == ["finished"] * 4
    assert results.record.tags["seedsweep.kind"] == "sweep"
    (file,) = written()
    assert f"{file.stem}: 1797 rows of shape (1, 8, 8), 10 classes" in capsys.readouterr().err
    assert set(results.runs["data.name"]) == {file.stem}
    logits = results.model()(digits().tensors[0][:5])
    assert logits.shape == (5, 10)


def test_rows_are_known_by_their_content_and_written_once(uri: str) -> None:
    first, same = (seedsweep.sweep(*SHORT, data=Items(), model="mlp", batch_size=8, seeds=1).runs for _ in range(2))
    assert len(written()) == 1
    assert set(first["fingerprint"]) == set(same["fingerprint"])
    seedsweep.sweep(*SHORT, data=Items(classes=["a", "b", "c"]), model="mlp", batch_size=8, seeds=1)
    assert len(written()) == 2
    with np.load(written()[0], allow_pickle=False) as arrays:
        assert arrays["X"].shape == (60, 2, 3)


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor])
def test_arrays_of_images_keep_their_shape_and_are_standardized_as_tables_are(kind: Any, uri: str) -> None:
    bunch = load_digits()
    runs = seedsweep.sweep(*SHORT, data=(kind(bunch.images[:, None]), bunch.target), model=Convolution, seeds=1).runs
    assert set(runs["data.standardize"]) == {"train"}
    assert set(runs["outcome"]) == {"finished"}


def test_classes_of_arrays_may_be_words(uri: str) -> None:
    images = np.random.default_rng(0).normal(size=(60, 2, 3))
    model = seedsweep.sweep(
        *SHORT, data=(images, ["cat", "dog", "eel"] * 20), model="mlp", batch_size=8, seeds=1
    ).model()
    assert model(torch.zeros(1, 2, 3)).shape == (1, 3)
    with np.load(written()[0], allow_pickle=False) as arrays:
        assert arrays["classes"].tolist() == ["cat", "dog", "eel"]


IMAGES = np.zeros((3, 2, 2))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Stream(), "data=shared.torch_datasets.Stream: must be a map-style dataset"),
        (Items("raising"), "data=shared.torch_datasets.Items: its item 0 cannot be read: FileNotFoundError: no images"),
        ((IMAGES, [0, 1]), "data=3 and 2 rows: X and y must have as many rows"),
        ((IMAGES, [0, 1, None]), r"data=y \(3,\): must have one class or number for each row"),
        ((IMAGES * np.nan, [0, 1, 0]), r"data=X \(3, 2, 2\): must hold finite numbers"),
        ((IMAGES.astype(str), [0, 1, 0]), "must hold finite numbers"),
        ((np.zeros(3), [0, 1, 0]), "X must have at least two dimensions"),
        (pd.Series([1]), r"must be the name of an option, a DataFrame .* a torch Dataset, or the class of a"),
    ],
)
def test_what_cannot_be_data_is_refused(data: Any, message: str, uri: str) -> None:
    with pytest.raises(seedsweep.ConfigError, match=message):
        seedsweep.sweep(*SHORT, data=[data])


def test_torch_is_not_imported_to_tell() -> None:
    asked = "from seedsweep.api.data_objects import _is_torch_dataset as told; told(3)"
    code = f"import sys; {asked}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
