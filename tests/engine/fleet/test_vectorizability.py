"""Whether the steps of a module can be vectorised: more models are tried in `test_assemble`, in whole sweeps."""

import pytest
import torch
from shared.fleets import Problem, logistic, mlp, networks

from seedsweep.engine.fleet.vectorizability import NotVectorizedError, try_out
from seedsweep.problem.models import LogisticRegression
from seedsweep.problem.module import Learner


def minibatch(problem: Problem) -> tuple[torch.Tensor, ...]:
    """The first rows of the training data."""
    return tuple(column[: problem.batch_size] for column in problem.splits.train.tensors)


def test_a_member_of_a_larger_model_needs_more_memory() -> None:
    sizes = [try_out(networks(problem, 2), minibatch(problem)) for problem in (logistic(), mlp(), logistic(64))]
    assert sizes[0] < min(sizes[1:])


def test_random_numbers_other_than_dropouts_are_refused() -> None:
    class Noisy(LogisticRegression):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x + torch.randn_like(x))

    modules = [Learner(Noisy(4), torch.optim.SGD) for _ in range(2)]
    with pytest.raises(NotVectorizedError, match="draws random numbers in its steps other than those of dropout"):
        try_out(modules, minibatch(logistic()))


def test_a_module_that_is_tried_is_left_as_it_was() -> None:
    modules = networks(mlp(), 2)
    before = [value.clone() for module in modules for value in module.parameters()]
    try_out(modules, minibatch(mlp()))
    assert all(map(torch.equal, before, (value for module in modules for value in module.parameters())))
    assert not any("log" in vars(module) for module in modules)
