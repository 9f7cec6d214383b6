"""Map-style datasets of torch: read once, in the shape of their items."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from shared.commands import config
from shared.layer_kinds import alone, curves_of
from shared.torch_datasets import Items
from sklearn.datasets import load_digits

import seedsweep
from seedsweep.engine.fleet import trainer as fleet
from seedsweep.engine.fleet.assemble import assemble, refuse_model
from seedsweep.engine.validation import check
from seedsweep.errors import ConfigError
from seedsweep.problem.datasets import ScikitLearn
from seedsweep.problem.factories import data, network
from seedsweep.problem.splits import prepare
from seedsweep.problem.torch_rows import TorchDataset

DIGITS = TorchDataset(name="digits", dataset={"_target_": "shared.torch_datasets.digits"})
FLAT = ScikitLearn(name="digits", loader="digits", standardize="none")


def items(item: str, **keys: Any) -> TorchDataset:
    return TorchDataset(name="items", dataset={"_target_": "shared.torch_datasets.Items", "item": item} | keys)


def resolved(*overrides: str) -> dict[str, Any]:
    words = ("tracking=none", "data=torch", "data.dataset._target_=shared.torch_datasets.digits", "data.batch_size=64")
    return seedsweep.resolve(config(*words, *overrides))


def test_rows_keep_their_shape_and_are_split_as_any_others() -> None:
    ours, flat = prepare(DIGITS), prepare(FLAT)
    assert ours.train.tensors[0].shape == (1257, 1, 8, 8)
    for part in ("train", "val", "test"):
        (images, target), (rows, same) = getattr(ours, part).tensors, getattr(flat, part).tensors
        assert torch.equal(images.flatten(1), rows)
        assert torch.equal(target, same)
    assert len(ours.feature_names) == 64
    assert ours.classes == tuple("0123456789")


def test_standardization_is_of_each_number_of_a_row() -> None:
    ours = prepare(replace(DIGITS, standardize="train"))
    flat = prepare(replace(FLAT, standardize="train"))
    torch.testing.assert_close(ours.test.tensors[0].flatten(1), flat.test.tensors[0])
    assert ours.mean.shape == ours.scale.shape == (1, 8, 8)


def test_fingerprint_is_of_the_rows_and_their_shape() -> None:
    first = prepare(items("plain"))
    assert prepare(replace(items("plain"), batch_size=5)).fingerprint == first.fingerprint
    assert len({first.fingerprint, prepare(items("number")).fingerprint, prepare(FLAT).fingerprint}) == 3
    assert prepare(DIGITS).fingerprint != prepare(FLAT).fingerprint


def test_items_are_read_once_however_they_are_batched_and_split() -> None:
    before = Items.made
    words = ("data=torch", "data.dataset._target_=shared.torch_datasets.Items", "+data.dataset.classes=[a,b,c]")
    for override in ("data.batch_size=4", "data.batch_size=8", "data.split_seed=1", "data.standardize=train"):
        assert data(seedsweep.resolve(config(*words, override))).classes == ("a", "b", "c")
    assert Items.made == before + 1


def test_what_transforms_draw_is_the_same_each_time() -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = items("drawn").read().features
    assert torch.equal(torch.get_rng_state(), state)
    other = items("drawn", classes=["a", "b"]).read().features
    np.testing.assert_array_equal(first, other)


def test_a_single_number_is_a_row_of_one() -> None:
    assert items("number").read().features.shape == (60, 1)
    assert items("plain").read().features.dtype == np.float32


def test_numbers_with_fractions_are_a_regression() -> None:
    splits = prepare(items("continuous"))
    assert splits.is_regression
    assert not splits.classes


def test_classes_that_no_row_has_are_left_out() -> None:
    assert items("plain", classes=["a", "b", "c", "none"]).read().classes == ("a", "b", "c")
    assert replace(items("plain", classes=["a", "b", "c"]), positive_class="b").read().classes == ("not b", "b")
    assert items("negative").read().classes == ("-1", "0", "1")


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("single", "shared.torch_datasets.Items: its item 0 is a Tensor, not a pair"),
        ("differing", r"its item 10 has an x of shape \(4,\), and the first one has \(3,\)"),
        ("infinite", "its item 7 has an x in which a number is missing or infinite"),
        ("text", "its item 0 has a str as its x, not numbers; give the dataset a transform"),
        ("worded", "its item 0 has 'none' as its y, not an integer class or a number"),
        ("raising", "its item 0 cannot be read: FileNotFoundError: no images here"),
    ],
)
def test_items_that_cannot_be_rows_are_refused(item: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        items(item).read()


def test_what_is_no_map_style_dataset_is_refused() -> None:
    with pytest.raises(ConfigError, match="data.dataset=shared.torch_datasets.Stream: must be a map-style dataset"):
        TorchDataset(name="s", dataset={"_target_": "shared.torch_datasets.Stream"}).read()
    with pytest.raises(ConfigError, match="data.dataset=mine.digits: must have a _target_ .*data.dataset._target_="):
        data(seedsweep.resolve(config("data=torch", "data.dataset=mine.digits")))
    with pytest.raises(ConfigError, match="data.dataset._target_=.*: a value is required"):
        seedsweep.resolve(config("data=torch"))
    with pytest.raises(ConfigError, match="chooses columns, and a torch Dataset has none"):
        replace(DIGITS, features=("x0",))
    with pytest.raises(ConfigError, match="data.dataset.itm=plain: shared.torch_datasets.Items has no argument itm"):
        TorchDataset(name="s", dataset={"_target_": "shared.torch_datasets.Items", "itm": "plain"}).read()
    with pytest.raises(ConfigError, match="has 2 names in `classes` for classes from 0 to 2: give each one"):
        items("plain", classes=["a", "b"]).read()


@pytest.mark.parametrize("model", ["softmax_regression", "mlp", "cnn", "rnn"])
def test_ready_made_models_take_rows_of_any_shape(model: str) -> None:
    values = resolved(f"model={model}")
    flat = seedsweep.resolve(config("data=digits", "data.standardize=none", f"model={model}"))
    rows, same = data(values), data(flat)
    ours, theirs = (network(one, splits)(splits.val.tensors[0]) for one, splits in ((values, rows), (flat, same)))
    assert torch.equal(ours, theirs)


def test_a_network_of_ones_own_for_images_trains_in_a_fleet_as_alone() -> None:
    own = ("model._target_=shared.torch_datasets.Convolution", "~model.init", "trainer.max_epochs=2")
    runs = [resolved(*own, f"seed={seed}", "optimizer.lr=0.01") for seed in range(3)]
    check(runs[0])
    assert refuse_model(runs[0]) is None
    together = fleet.train(assemble(runs))
    for member, values in enumerate(runs):
        assert curves_of(together, member) == pytest.approx(curves_of(alone(values)), abs=1e-4)


def test_the_exact_minimum_is_that_of_the_flat_rows() -> None:
    words = ("model=softmax_regression", "trainer.suboptimality=true", "optimizer.weight_decay=0.1")
    check(resolved(*words, "data.standardize=train"))


def test_arrays_in_a_file_keep_their_shape(tmp_path: Path) -> None:
    bunch = load_digits()
    np.savez(tmp_path / "mine.npz", X=bunch.images, y=bunch.target, classes=np.array([f"d{n}" for n in range(10)]))
    table = arrays(tmp_path / "mine.npz").read()
    np.testing.assert_array_equal(table.features, bunch.images)
    assert table.classes[3] == "d3"


def test_arrays_in_a_file_that_has_changed_are_read_again(tmp_path: Path) -> None:
    dataset, file = arrays(tmp_path / "mine.npz"), tmp_path / "mine.npz"
    np.savez(file, X=np.zeros((40, 2, 2)), y=np.arange(40) % 2)
    before = prepare(dataset)
    assert prepare(dataset) is before
    np.savez(file, X=np.ones((50, 2, 2)), y=np.arange(50) % 2)
    assert prepare(dataset).fingerprint != before.fingerprint


def test_files_that_are_no_such_arrays_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.npz"
    with pytest.raises(ConfigError, match="data.dataset.path=.*: no such file"):
        arrays(file).read()
    file.write_bytes(b"PK no archive")
    with pytest.raises(ConfigError, match="is no .npz file"):
        arrays(file).read()
    np.savez(file, X=np.zeros((4, 2)), y=np.array([{}, 1, 2, 3], dtype=object))
    with pytest.raises(ConfigError, match="is no .npz file: .*allow_pickle=False"):
        arrays(file).read()
    np.savez(file, X=np.zeros((4, 2)), y=np.arange(3))
    with pytest.raises(ConfigError, match=r"must have arrays X and y with as many rows; it has X \(4, 2\), y \(3,\)"):
        arrays(file).read()


def arrays(file: Path) -> TorchDataset:
    return TorchDataset(name="mine", dataset={"_target_": "seedsweep.datasets.Arrays", "path": str(file)})
