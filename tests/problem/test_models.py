"""Networks and initializers, against definitions and a library that we did not write."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest, truncnorm, uniform
from sklearn.metrics import accuracy_score, log_loss

from seedsweep.errors import ConfigError
from seedsweep.problem.image_models import CNN, RNN
from seedsweep.problem.initializers import INITIALIZERS, TRUNCATION
from seedsweep.problem.models import MLP, LogisticRegression, SoftmaxRegression, Standardize
from seedsweep.problem.module import Learner

FAN_OUT, FAN_IN = 200, 300
# Keras' variance scaling: scale / fan
VARIANCE = {"glorot": 2 / (FAN_IN + FAN_OUT), "he": 2 / FAN_IN, "lecun": 1 / FAN_IN}


def drawn(name: str, seed: int = 0) -> torch.Tensor:
    weight = torch.empty(FAN_OUT, FAN_IN)
    INITIALIZERS[name](weight, torch.Generator().manual_seed(seed))
    return weight


@pytest.mark.parametrize("family", VARIANCE)
def test_uniform_initializers_have_keras_distribution(family: str) -> None:
    limit = math.sqrt(3 * VARIANCE[family])
    assert kstest(drawn(f"{family}_uniform").flatten(), uniform(-limit, 2 * limit).cdf).pvalue > 0.01


@pytest.mark.parametrize("family", VARIANCE)
def test_normal_initializers_have_keras_truncated_distribution(family: str) -> None:
    values, sd = drawn(f"{family}_normal").flatten(), math.sqrt(VARIANCE[family]) / TRUNCATION
    assert kstest(values, truncnorm(-2, 2, scale=sd).cdf).pvalue > 0.01
    assert values.var().item() == pytest.approx(VARIANCE[family], rel=0.02)


def test_plain_initializers_have_keras_defaults() -> None:
    assert not drawn("zeros").any()
    assert drawn("uniform").abs().max() <= 0.05
    assert drawn("normal").std().item() == pytest.approx(0.05, rel=0.02)


@pytest.mark.parametrize("name", sorted(set(INITIALIZERS) - {"zeros"}))
def test_initialization_depends_on_its_seed_alone(name: str) -> None:
    state = torch.get_rng_state()
    assert torch.equal(drawn(name, 1), drawn(name, 1))
    assert not torch.equal(drawn(name, 1), drawn(name, 2))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("classes", [2, 3])
def test_loss_and_accuracy_equal_scikit_learns(classes: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(50, 4, generator=generator)
    y = torch.randint(classes, (50,), generator=generator)
    net = LogisticRegression(4, 2) if classes == 2 else SoftmaxRegression(4, classes)
    module = Learner(net, torch.optim.SGD)
    logged: dict[str, torch.Tensor] = {}
    module.log = lambda name, value, **_: logged.update({name: value})
    loss = module.training_step((x, y), 0)
    logits = net(x).detach().double()
    probabilities = torch.sigmoid(logits) if classes == 2 else torch.softmax(logits, 1)
    predicted = (probabilities > 0.5) if classes == 2 else probabilities.argmax(1)
    assert loss.item() == pytest.approx(log_loss(y, probabilities), rel=1e-6)
    assert logged["train/accuracy"].item() == pytest.approx(accuracy_score(y, predicted))


def test_loss_does_not_overflow_at_large_logits() -> None:
    net = LogisticRegression(1, 2, "zeros")
    torch.nn.init.constant_(net.linear.weight, 1e6)
    module = Learner(net, torch.optim.SGD)
    module.log = lambda *_, **__: None
    assert module.training_step((torch.tensor([[1.0], [-1.0]]), torch.tensor([0, 0])), 0).item() == 5e5


def test_mlp_has_the_layers_asked_for() -> None:
    shapes = [tuple(weight.shape) for weight in MLP(4, 3, hidden=[5, 2]).parameters()]
    assert shapes == [(5, 4), (5,), (2, 5), (2,), (3, 2), (3,)]
    assert MLP(4, 2)(torch.zeros(7, 4)).shape == (7,)
    assert MLP(4, 3)(torch.zeros(7, 4)).shape == (7, 3)


def test_standardize_undoes_units() -> None:
    layer = Standardize(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 4.0]))
    np.testing.assert_array_equal(layer(torch.tensor([[3.0, 10.0]])), [[1.0, 2.0]])


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ConfigError, match="needs two classes and the data has 3"):
        LogisticRegression(4, 3)
    with pytest.raises(ConfigError, match=r"model.hidden=0: must be an integer"):
        MLP(4, hidden=[0])
    with pytest.raises(ConfigError, match=r"model.hidden=2: must be a list"):
        MLP(4, hidden=2)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="must be one of relu"):
        MLP(4, activation="foo")


def test_convolutional_network_has_the_layers_asked_for() -> None:
    shapes = [tuple(weight.shape) for weight in CNN(64, 10, channels=[5, 2]).parameters()]
    assert shapes == [(5, 1, 3, 3), (5,), (2, 5, 3, 3), (2,), (10, 8), (10,)]
    assert CNN(64, 2)(torch.zeros(7, 64)).shape == (7,)
    assert CNN(64, 10)(torch.zeros(7, 64)).shape == (7, 10)


def test_convolutional_network_sees_the_image_by_lines() -> None:
    """A kernel that looks to its left sees the pixel before, unless that is on another line."""
    net = CNN(64, 2, channels=[1], init="zeros")
    net.layers[0].weight.data[0, 0, 1, 0] = 1
    image = torch.zeros(1, 64)
    image[0, 7] = 1  # at the end of the first line
    assert not net.layers[0](image.unflatten(1, (1, 8, 8))).any()
    image[0, 8] = 1  # at the beginning of the second
    assert net.layers[0](image.unflatten(1, (1, 8, 8))).nonzero()[:, 2:].tolist() == [[1, 1]]


def test_kernels_have_the_variance_of_their_fans() -> None:
    weight = torch.empty(200, 30, 3, 3)
    INITIALIZERS["glorot_uniform"](weight, torch.Generator().manual_seed(0))
    assert weight.var().item() == pytest.approx(2 / (9 * (200 + 30)), rel=0.02)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_recurrent_network_reads_line_by_line(cell: str) -> None:
    net = RNN(64, 10, cell=cell, hidden=5, generator=torch.Generator().manual_seed(0))
    x = torch.randn(7, 64, generator=torch.Generator().manual_seed(1))
    state = None
    for line in x.split(8, dim=1):
        output, state = net.recurrent(line.unsqueeze(1), state)
    torch.testing.assert_close(net(x), net.linear(output[:, -1]))
    recurrent = net.recurrent.weight_hh_l0
    torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(5))
    assert net.recurrent.bias_ih_l0.sum() == (5 if cell == "lstm" else 0)


def test_weights_of_images_networks_depend_on_their_generator_alone() -> None:
    state = torch.get_rng_state()
    for kind in (CNN, RNN):
        first, again, other = (kind(64, 10, generator=torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
        assert all(map(torch.equal, first.parameters(), again.parameters()))
        assert not torch.equal(next(first.parameters()), next(other.parameters()))
    torch.set_rng_state(state)


def test_wrong_images_are_refused() -> None:
    with pytest.raises(ConfigError, match="model=cnn: needs square images, and the data has 30 columns"):
        CNN(30, 2)
    with pytest.raises(ConfigError, match=r"model.channels=\[1, 1\]: are too many: 3 pixels"):
        CNN(9, 2, channels=[1, 1])
    with pytest.raises(ConfigError, match=r"model.channels=\[\]: must be a list of layer sizes"):
        CNN(64, 2, channels=[])
    with pytest.raises(ConfigError, match="model.steps=7: must divide the 64 columns"):
        RNN(64, 2, steps=7)
    with pytest.raises(ConfigError, match="model.cell=gur: must be one of rnn, gru, lstm; did you mean gru"):
        RNN(64, 2, cell="gur")
