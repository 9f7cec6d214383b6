"""Which optimizers may serve many learning rates with one step, and that they do so."""

import re
from functools import partial
from typing import Any

import pytest
import pytorch_optimizer
import torch
from hydra.utils import get_object
from shared.commands import OPTIMIZER_OPTIONS, ROOT
from shared.fleets import CONVEX, assert_equal, configured, logistic, proportional, run
from torch import Tensor, nn

from seedsweep.engine.fleet.shared_optimizer import (
    MakeOptimizer,
    NotProportionalError,
    OptimizerRows,
    Optimizers,
    probe,
)

OPTIM, MORE = torch.optim, pytorch_optimizer


class Plain(torch.optim.Optimizer):
    """A third party's: moves by the rate times the `change` of each tensor."""

    def __init__(self, parameters: Any, lr: float):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for value in group["params"]:
                value.sub_(self.change(value, value.grad), alpha=group["lr"])

    def change(self, value: Tensor, gradient: Tensor) -> Tensor:
        return gradient.sign()


class Decaying(Plain):
    def change(self, value: Tensor, gradient: Tensor) -> Tensor:
        return gradient.sign() + 0.1 * value


class Centred(Plain):
    """Proportional to the rate, and so is its mixing of the rows: gradient centralisation the wrong way round."""

    def change(self, value: Tensor, gradient: Tensor) -> Tensor:
        return gradient - gradient.mean(dim=0)


class Normalized(Plain):
    """Proportional to the rate, but each row's change depends on the length of all."""

    def change(self, value: Tensor, gradient: Tensor) -> Tensor:
        return gradient / gradient.norm()


class RowNormalized(Plain):
    """Mixes no members, but the tensors of one member, which are one row of a fleet's parameters."""

    def change(self, value: Tensor, gradient: Tensor) -> Tensor:
        return gradient / gradient.norm(dim=-1, keepdim=True)


class Squared(Plain):
    """Not proportional: the rate is in the change as well."""

    def change(self, value: Tensor, gradient: Tensor) -> Tensor:
        return gradient * self.param_groups[0]["lr"]


class Elsewhere(Plain):
    """Adds up gradients where a fleet does not look when members leave."""

    def change(self, value: Tensor, gradient: Tensor) -> Tensor:
        kept = self.__dict__.setdefault("kept", {})
        kept[id(value)] = kept.get(id(value), 0) + gradient
        return kept[id(value)]


class Silent(Plain):
    def change(self, value: Tensor, gradient: Tensor) -> Tensor:
        raise RuntimeError


def test_seven_optimizers_of_the_configuration_are_not_proportional() -> None:
    assert set(OPTIMIZER_OPTIONS) - set(proportional()) == {
        *("asgd", "muon", "prodigy", "rprop", "schedule_free_adamw", "shampoo", "soap")
    }
    assert {name: probe(configured(name)) for name in proportional() if name != "adamw"} == dict.fromkeys(
        set(proportional()) - {"adamw"}, "zeros"
    )
    assert probe(configured("adamw")) == "values", "it has weight decay"


@pytest.mark.parametrize(
    ("make", "start"),
    [
        (OPTIM.SGD, "zeros"),
        (partial(OPTIM.SGD, momentum=0.9, dampening=0.5), "zeros"),
        (partial(OPTIM.SGD, momentum=0.9, nesterov=True, weight_decay=0.1), "values"),
        (partial(OPTIM.SGD, maximize=True), "zeros"),
        (OPTIM.Adam, "zeros"),
        (partial(OPTIM.Adam, amsgrad=True, foreach=False), "zeros"),
        (partial(OPTIM.Adam, weight_decay=0.1), "values"),
        (OPTIM.AdamW, "values"),
        (partial(OPTIM.AdamW, weight_decay=0), "zeros"),
        (partial(OPTIM.NAdam, weight_decay=0.1, decoupled_weight_decay=True), "values"),
        (partial(OPTIM.RAdam, weight_decay=0.1), "values"),
        (partial(OPTIM.RMSprop, centered=True, momentum=0.5), "zeros"),
        (partial(OPTIM.Adagrad, lr_decay=0.1), "zeros"),
        (partial(OPTIM.Adadelta, weight_decay=0.1), "values"),
        (MORE.Lion, "zeros"),
        (partial(MORE.Lion, weight_decay=0.1), "values"),
        (MORE.AdaBelief, "zeros"),
        (partial(MORE.AdaBelief, weight_decay=0.1), "values"),
        (Plain, "zeros"),
        (Decaying, "values"),
    ],
)
def test_probe_says_where_the_step_starts(make: MakeOptimizer, start: str) -> None:
    assert probe(make) == start


@pytest.mark.parametrize(
    "make",
    [
        OPTIM.Rprop,  # its rate is that of the first step only
        OPTIM.ASGD,  # and that in its own decay too
        OPTIM.Adafactor,  # the size of the whole tensor is in it
        MORE.Prodigy,  # finds a rate by itself
        MORE.DAdaptAdam,
        MORE.AdaBound,  # clips by the rate
        partial(MORE.AdaBelief, weight_decay=0.1, fixed_decay=True),  # decays without the rate
        MORE.ScheduleFreeSGD,  # averages
        MORE.SRMM,
        MORE.Lamb,  # norms of whole tensors
        MORE.LARS,
        MORE.StableAdamW,
        Centred,
        Normalized,
        RowNormalized,
        Squared,
        Elsewhere,
    ],
)
def test_probe_refuses_what_is_not_proportional_or_mixes_members(make: MakeOptimizer) -> None:
    with pytest.raises(
        NotProportionalError, match="^its steps are not proportional to the learning rate, or mix the members$"
    ):
        probe(make)


def test_every_optimizer_of_the_docs_table_is_as_it_says() -> None:
    text = (ROOT / "docs" / "fleet.md").read_text()
    rows = re.findall(
        r"^\| ((?:torch\.optim|pytorch_optimizer|seedsweep\.optimizers)\.\w+) \| .* \| (.*) \|$", text, re.MULTILINE
    )
    assert len(rows) >= 20
    for name, stated in rows:
        try:
            probe(get_object(name))
            found = "fleet"
        except NotProportionalError as error:
            found = str(error)
        assert found == stated


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (OPTIM.LBFGS, "missing 1 required positional argument: 'closure'"),
        (OPTIM.SparseAdam, "does not support dense gradients"),
        (MORE.AliG, "AliG requires closure"),
        (MORE.Ranger21, "missing 1 required positional argument: 'num_iterations'"),
        (Silent, r"\(RuntimeError\)$"),
    ],
)
def test_probe_says_in_one_line_what_an_optimizer_needs(make: MakeOptimizer, reason: str) -> None:
    with pytest.raises(NotProportionalError, match=reason) as caught:
        probe(make)
    assert str(caught.value).startswith("it does not step alone on stacked parameters (")
    assert "\n" not in str(caught.value)


def test_probe_touches_no_global_state() -> None:
    state, kind = torch.get_rng_state(), torch.get_default_dtype()
    probe(OPTIM.Adam)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_default_dtype() == kind


@pytest.mark.parametrize("name", ["Lion", "AdaBelief"])
def test_another_package_s_optimizers_equal_reference_in_a_fleet(name: str) -> None:
    makers = [getattr(MORE, name), partial(getattr(MORE, name), weight_decay=0.1)]
    assert_equal(logistic(), [run(make, rate, epochs=3) for make in makers for rate in (0.01, 0.1)], CONVEX)


# The step


def rows(count: int, width: int = 5, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(count, width, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("make", [OPTIM.SGD, OPTIM.AdamW], ids=["from zeros", "from values"])
def test_inactive_rows_stay_to_the_last_bit(make: MakeOptimizer) -> None:
    parameters = rows(6, dtype=torch.float32)
    parameters[1, 0] = -0.0
    before = parameters.clone()
    optimizers = Optimizers([OptimizerRows(make, probe(make), slice(0, 6))], parameters)
    active = torch.tensor([True, False, True, False, False, True]).unsqueeze(1)
    for step in range(3):
        optimizers.gradients.copy_(rows(6, seed=step))
        optimizers.gradients[3], optimizers.gradients[4] = torch.nan, torch.inf
        optimizers.step(torch.full((6, 1), 0.1), active)
    stayed, moved = ~active.squeeze(), active.squeeze()
    assert parameters[stayed].numpy().tobytes() == before[stayed].numpy().tobytes()
    assert (parameters[moved] != before[moved]).all()
    assert parameters[moved].isfinite().all(), "what is not finite does not spread"


def test_a_block_is_stepped_by_its_optimizer() -> None:
    makers = [partial(OPTIM.SGD, momentum=0.9), OPTIM.AdamW, partial(OPTIM.RMSprop, weight_decay=0.2), OPTIM.Adam]
    positions = [slice(0, 2), slice(2, 3), slice(3, 7), slice(7, 9)]
    parameters, rates = rows(9), torch.rand(9, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    single = [nn.Parameter(row.clone()) for row in parameters]
    blocks = [OptimizerRows(make, probe(make), position) for make, position in zip(makers, positions, strict=True)]
    together = Optimizers(blocks, parameters)
    alone = [block.make([single[row]], lr=rates[row].item()) for block in blocks for row in range(9)[block.rows]]
    for step in range(20):
        together.gradients.copy_(rows(9, seed=step + 2))
        together.step(rates, torch.ones(9, 1, dtype=torch.bool))
        for value, gradient, optimizer in zip(single, together.gradients, alone, strict=True):
            value.grad = gradient.clone()
            optimizer.step()
    torch.testing.assert_close(parameters, torch.stack([value.detach() for value in single]), rtol=1e-12, atol=1e-12)


def test_rows_that_are_kept_go_on_where_they_were() -> None:
    makers = [partial(OPTIM.SGD, momentum=0.9), OPTIM.AdamW, partial(OPTIM.RMSprop, weight_decay=0.2), OPTIM.NAdam]
    blocks = [
        OptimizerRows(make, probe(make), slice(4 * position, 4 * position + 4)) for position, make in enumerate(makers)
    ]
    rates, always = torch.linspace(0.01, 0.3, 16).unsqueeze(1), torch.ones(16, 1, dtype=torch.bool)
    whole, fewer = (Optimizers(blocks, rows(16, dtype=torch.float32)) for _ in range(2))
    kept = torch.tensor([7, 5, -1, 10, 8, 12, 13, 14, -1])  # of all optimizers but the first; two rows only fill
    is_member = kept >= 0
    for step in range(6):
        if step == 3:
            fewer.keep(kept, {1: slice(0, 3), 2: slice(3, 5), 3: slice(5, 8)})
        gradients = rows(16, seed=step, dtype=torch.float32)
        whole.gradients.copy_(gradients)
        fewer.gradients.copy_(gradients if step < 3 else torch.where(is_member.unsqueeze(1), gradients[kept], 0))
        whole.step(rates, always)
        fewer.step(rates if step < 3 else rates[kept], always if step < 3 else is_member.unsqueeze(1))
    torch.testing.assert_close(fewer.parameters[is_member], whole.parameters[kept[is_member]], rtol=1e-6, atol=1e-6)


def test_rate_of_zero_moves_nothing() -> None:
    parameters = rows(2)
    before = parameters.clone()
    optimizers = Optimizers([OptimizerRows(OPTIM.Adam, "zeros", slice(0, 2))], parameters)
    optimizers.gradients.copy_(rows(2, seed=1))
    optimizers.step(torch.tensor([[0.0], [0.1]], dtype=torch.float64), torch.ones(2, 1, dtype=torch.bool))
    assert torch.equal(parameters[0], before[0])
    assert (parameters[1] != before[1]).all()
