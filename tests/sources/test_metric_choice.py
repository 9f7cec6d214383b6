"""Which metric is compared where nobody says."""

import pytest

from seedsweep.errors import ConfigError
from seedsweep.sources.metric_choice import DEFAULT, chosen_metric


@pytest.mark.parametrize(
    ("metrics", "chosen"),
    [
        (["val/loss", "loss"], "val/loss"),
        (["train_loss", "valid_loss"], "valid_loss"),
        (["Val-Loss", "accuracy"], "Val-Loss"),
        (["loss", "accuracy"], "loss"),
        (["train_loss", "val_acc"], "val_acc"),
        (["fitness"], "fitness"),
    ],
)
def test_the_obvious_metric_is_chosen(metrics: list[str], chosen: str) -> None:
    assert chosen_metric(DEFAULT, metrics, []).name == chosen


@pytest.mark.parametrize("metrics", [["val_loss", "valid_loss"], ["train_acc", "test_acc"], []])
def test_where_none_is_obvious_they_are_listed(metrics: list[str]) -> None:
    with pytest.raises(ConfigError, match=f"metric=null: .*{', '.join(metrics)}"):
        chosen_metric(DEFAULT, metrics, ["wall_time"])
