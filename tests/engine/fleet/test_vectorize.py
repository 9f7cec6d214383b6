"""A module's own steps, as functions of the parameters of many members."""

import pytest
import torch
from shared.fleets import Problem, iris, logistic, mlp, networks

from seedsweep.engine.fleet.vectorize import Vectorized


@pytest.mark.parametrize("problem", [logistic(), mlp(), iris()], ids=["logistic", "mlp", "iris"])
def test_losses_and_gradients_are_those_of_the_modules(problem: Problem) -> None:
    """Of two members in each of two columns, of which each has its own minibatch."""
    modules = networks(problem, 4)
    vectorized = Vectorized(modules[0])
    vectors = torch.stack([vectorized.vector(module) for module in modules]).reshape(2, 2, -1)
    columns = tuple(torch.stack([column[:16], column[16:32]]) for column in problem.splits.train.tensors)
    losses, logged, gradients, _ = vectorized.train(vectors, {}, columns)
    assert torch.equal(logged["train/loss"], losses)
    for index, module in enumerate(modules):
        cell = divmod(index, 2)
        module.log = lambda *_, **__: None  # a module logs to its trainer
        loss = module.training_step(tuple(column[cell[1]] for column in columns), 0)
        parameters = dict(module.named_parameters())
        own = torch.autograd.grad(loss, [parameters[name] for name in vectorized.shapes])
        gradient = torch.cat([value.flatten() for value in own])
        torch.testing.assert_close(losses[cell], loss.detach())
        torch.testing.assert_close(gradients[cell], gradient)


def test_vectors_are_the_parameters_and_back() -> None:
    (module,) = networks(mlp(), 1)
    vectorized = Vectorized(module)
    tensors = vectorized.tensors(vectorized.vector(module))
    assert {name: value.tolist() for name, value in tensors.items()} == {
        name: value.tolist() for name, value in module.named_parameters()
    }


def test_minibatches_of_one_shape_are_traced_once() -> None:
    vectorized = Vectorized(networks(logistic(), 1)[0])
    for rows in (16, 14, 16, 14):
        vectorized.train(torch.zeros(2, 3, 5), {}, (torch.zeros(3, rows, 4), torch.ones(3, rows)))
    assert len(vectorized.tracing_seconds) == 2


def test_matrices_are_the_first_of_a_member_s_numbers() -> None:
    module = networks(mlp(), 1)[0]
    vectorized = Vectorized(module)
    matrices = [value for value in module.parameters() if value.ndim > 1]
    expected = torch.cat([value.detach().flatten() for value in matrices])
    assert vectorized.matrices == len(expected) < vectorized.parameters == len(vectorized.vector(module))
    assert torch.equal(vectorized.vector(module)[: vectorized.matrices], expected)
