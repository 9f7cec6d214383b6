"""A metric's name says its split, and whether larger or smaller is better."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest

import seedsweep
from seedsweep.errors import ConfigError
from seedsweep.metrics import Metric


@pytest.mark.parametrize(
    ("name", "split", "direction"),
    [
        ("val/loss", "val", "minimize"),
        ("val/AUC", "val", "maximize"),
        ("val/Accuracy", "val", "maximize"),
        ("test/acc", "test", "maximize"),
        ("train/loss_step", "train", "minimize"),
        ("RMSE", None, "minimize"),
        ("my/Score", None, "maximize"),
        ("val/foo", "val", None),
        ("neg_mean_squared_error", None, None),
        ("val/neg_log_loss", "val", None),
        ("val_acc", "val", "maximize"),
        ("valid_loss", "val", "minimize"),
        ("validation/loss", "val", "minimize"),
        ("train_loss_epoch", "train", "minimize"),
        ("testing", None, None),
        ("value", None, None),
    ],
)
def test_a_metric_is_known_by_its_name(name: str, split: str | None, direction: str | None) -> None:
    metric = Metric(name)
    assert (metric, metric.split_name, metric.direction) == (name, split, direction)


def test_a_given_direction_comes_before_the_name() -> None:
    metric = Metric("val/loss", "maximize")
    assert metric.is_maximized
    assert metric.worst == -math.inf
    assert Metric(metric).is_maximized
    assert metric.on_split("test") == "test/loss"
    assert Metric("valid_loss").on_split("test") == "test_loss"
    assert metric.on_split("test").is_maximized
    assert pickle.loads(pickle.dumps(metric)).is_maximized
    assert metric.as_loss(np.array([1.0, -2.0])).tolist() == [-1.0, 2.0]


@pytest.mark.parametrize(
    ("name", "direction", "message"),
    [
        ("val/foo", None, r"metric=val/foo: is it better when larger or smaller\? .*say direction=maximize"),
        ("val/neg_log_loss", None, "metric=val/neg_log_loss: has its sign changed: log val/log_loss, or say"),
        ("val/loss", "up", "direction=up: must be one of minimize, maximize"),
    ],
)
def test_a_metric_without_a_direction_is_refused(name: str, direction: str | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Metric(name, direction).check_direction("metric")


def test_a_comparison_takes_a_direction() -> None:
    runs = pd.DataFrame({"optimizer": ["a", "b"] * 6, "seed": np.repeat(range(6), 2), "val/gain": [1.0, 2.0] * 6})
    runs["val/gain"] += runs["seed"] / 100
    with pytest.raises(ConfigError, match="better when larger or smaller"):
        seedsweep.compare(runs, metric="val/gain")
    first = {
        direction: seedsweep.compare(runs, metric="val/gain", direction=direction).same[0].table.iloc[0, 0]
        for direction in ("minimize", "maximize")
    }
    assert first == {"minimize": "a", "maximize": "b"}
