"""`seedsweep.check`: what it says of modules and optimizers that join a fleet, that cannot, and that are wrong."""

from functools import partial

import pytest
import torch
from pytorch_optimizer import Lamb, Lion
from shared.layer_kinds import KINDS
from shared.own_modules import Column, Indexed, Margins

import seedsweep

ALL = ["one batch", "weights", "fleet", "curves", "company"]


@pytest.mark.parametrize(
    ("part", "words", "logged"),
    [
        (partial(Margins, hidden=5), {}, "valid_loss"),
        (KINDS["BatchNorm1d"], {"data": "digits", "batch_size": 250}, "val/accuracy"),
        (Lion, {}, "val/loss"),
    ],
)
def test_what_joins_a_fleet_passes_every_point(
    part: object, words: dict[str, object], logged: str, capsys: pytest.CaptureFixture[str]
) -> None:
    points = seedsweep.check(part, **words)
    assert [point.name for point in points] == ALL
    assert all(point.holds for point in points), points
    assert logged in points[0].finding
    assert capsys.readouterr().out.splitlines() == [f"✓ {point.name}: {point.finding}" for point in points]


@pytest.mark.parametrize(("part", "reason"), [(Indexed, "its step uses batch_idx"), (Lamb, "not proportional")])
def test_what_trains_alone_is_told_why(part: object, reason: str) -> None:
    points = seedsweep.check(part)
    assert [(point.name, point.holds) for point in points][2:] == [("fleet", False)]
    assert reason in points[-1].finding


@pytest.mark.parametrize(
    ("part", "reason"), [(Column, r"forward gives a tensor (n, 1)"), (torch.optim.Muon, "Muon only supports 2D")]
)
def test_what_is_wrong_is_found_by_one_batch(part: object, reason: str) -> None:
    (point,) = seedsweep.check(part)
    assert (point.name, point.holds) == ("one batch", False)
    assert reason in point.finding


def test_weights_that_depend_on_more_than_their_seed_are_found() -> None:
    class Restless(torch.nn.Module):
        made = 0

        def __init__(self, features: int, classes: int):
            super().__init__()
            Restless.made += 1
            self.layer = torch.nn.Linear(features, classes)
            torch.nn.init.constant_(self.layer.weight, Restless.made)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            output: torch.Tensor = self.layer(x)
            return output

    weights = seedsweep.check(Restless)[1]
    assert not weights.holds
    assert "do they depend on more?" in weights.finding


def test_wrong_parts_are_refused() -> None:
    with pytest.raises(seedsweep.ConfigError, match="must be the name of an option, a class"):
        seedsweep.check(torch.nn.Linear(1, 1))
