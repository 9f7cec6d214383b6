"""Small networks for digits, one for each kind of layer, state and shape that people bring."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

import seedsweep
from seedsweep.engine.built_run import build
from seedsweep.outcomes import FleetResult, RunResult
from shared.commands import config


class OfLayers(nn.Module):
    """A network of layers from images (n, 1, 8, 8), rows (n, 8, 8) or columns (n, 64) of digits to their logits."""

    shape: tuple[int, ...] = (64,)

    def __init__(self, features: int = 64, classes: int = 10):
        super().__init__()
        self.layers = self.make()

    def make(self) -> nn.Module:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.layers(x.unflatten(1, self.shape))
        return output


def of(name: str, make: Callable[[], nn.Module], *shape: int) -> type[OfLayers]:
    """A class of networks with these layers, which a configuration can name."""
    return type(name, (OfLayers,), {"shape": shape or (64,), "make": lambda self: make(), "__module__": __name__})


def row(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers)


def conv(*between: nn.Module) -> nn.Module:
    return row(nn.Conv2d(1, 4, 3, padding=1), *between, nn.Flatten(), nn.Linear(4 * 64, 10))


def dense(*between: nn.Module, width: int = 12) -> nn.Module:
    return row(nn.Linear(64, width), *between, nn.Linear(width, 10))


class LastOf(nn.Module):
    """The last output of a recurrent layer, to logits."""

    def __init__(self, recurrent: nn.Module, size: int = 6):
        super().__init__()
        self.recurrent, self.head = recurrent, nn.Linear(size, 10)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.head(self.recurrent(x)[0][:, -1])
        return output


class Attending(nn.Module):
    """Attention of the rows to each other, to logits."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.head = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.head((x + self.attention(x, x, x, need_weights=False)[0]).flatten(1))
        return output


class Scaled(nn.Module):
    """Scaled dot products by hand, as in a book."""

    def __init__(self) -> None:
        super().__init__()
        self.three, self.head = nn.Linear(8, 24), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.three(x).chunk(3, dim=-1)
        weights = torch.softmax(query @ key.mT / 8**0.5, dim=-1)
        output: Tensor = self.head((weights @ value).flatten(1))
        return output


class Tied(nn.Module):
    """One weight in two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode, self.head = nn.Linear(64, 12), nn.Linear(12, 64), nn.Linear(64, 10)
        self.decode.weight = nn.Parameter(self.encode.weight.T.clone())
        self.again = nn.Linear(64, 12)
        self.again.weight = self.encode.weight

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.head(self.decode(torch.tanh(self.encode(x) + self.again(x.flip(1)))))
        return output


class Residual(nn.Module):
    """Adds what a layer gives to what it got."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = x + self.layer(x)
        return output


class Embedded(nn.Module):
    """Looks pixels up, which are standardized, by their sign and size."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(5, 3), nn.Linear(64 * 3, 10)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.head(self.table((x.clamp(-2, 2).round() + 2).long()).flatten(1))
        return output


class Branches(nn.Module):
    """Several outputs inside, which are put together."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Linear(64, 12)
        self.heads = nn.ModuleDict({name: nn.Linear(12, 10) for name in ("mean", "scale")})
        self.weights = nn.ParameterList([nn.Parameter(torch.ones(10)), nn.Parameter(torch.zeros(()))])

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.trunk(x))
        outputs = {name: head(hidden) for name, head in self.heads.items()}
        return outputs["mean"] * self.weights[0] / (1 + functional.softplus(outputs["scale"])) + self.weights[1]


class InPlace(nn.Module):
    """Drops in place, and does not look at what that returns."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.head = nn.Linear(64, 12), nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.tanh(self.trunk(x)) * 1.0
        functional.dropout(hidden, 0.5, self.training, inplace=True)
        output: Tensor = self.head(hidden)
        return output


class Noisy(nn.Module):
    """Adds noise as it trains."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.layer(x + 0.1 * torch.randn_like(x) if self.training else x)
        return output


class Branching(nn.Module):
    """Does one thing or another, as its values are."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.layer(x)
        return output if output.mean() > 0 else -output


class Counting(nn.Module):
    """Counts its calls in an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.calls = nn.Linear(64, 10), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += self.training
        output: Tensor = self.layer(x) / (1 + 0.01 * self.calls)
        return output


class Frozen(nn.Module):
    """Has a parameter that is not to be trained."""

    def __init__(self) -> None:
        super().__init__()
        self.fixed, self.layer = nn.Linear(64, 12).requires_grad_(False), nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.layer(torch.tanh(self.fixed(x)))
        return output


def encoder(dropout: float = 0.0) -> nn.Module:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=dropout, batch_first=True)
    return row(layer, nn.Flatten(), nn.Linear(64, 10))


def recurrent(kind: Any, **options: Any) -> nn.Module:
    return LastOf(kind(8, 6, batch_first=True, **options))


KINDS: dict[str, type[OfLayers]] = {
    name: of(name, make, *shape)
    for name, (make, *shape) in {
        "Linear": (lambda: row(nn.Linear(64, 10)),),
        "ResidualBlock": (lambda: row(nn.Linear(64, 6), Residual(nn.Linear(6, 6)), nn.Linear(6, 10)),),
        "ReLU": (lambda: dense(nn.ReLU()),),
        "PReLU": (lambda: dense(nn.PReLU(12)),),
        "GELU": (lambda: dense(nn.GELU()),),
        "SiLU": (lambda: dense(nn.SiLU()),),
        "Conv1d": (lambda: row(nn.Conv1d(8, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(24, 10)), 8, 8),
        "Conv2d": (lambda: conv(nn.ReLU()), 1, 8, 8),
        "DepthwiseConv2d": (lambda: conv(nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.ReLU()), 1, 8, 8),
        "ConvTranspose2d": (
            lambda: row(nn.ConvTranspose2d(1, 2, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(128, 10)),
            1,
            8,
            8,
        ),
        "MaxPool2d": (
            lambda: row(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 10)),
            1,
            8,
            8,
        ),
        "AvgPool2d": (
            lambda: row(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(36, 10)),
            1,
            8,
            8,
        ),
        "AdaptiveAvgPool2d": (
            lambda: row(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 10)),
            1,
            8,
            8,
        ),
        "LayerNorm": (lambda: dense(nn.LayerNorm(12), nn.Tanh()),),
        "RMSNorm": (lambda: dense(nn.RMSNorm(12), nn.Tanh()),),
        "GroupNorm": (lambda: conv(nn.GroupNorm(2, 4), nn.ReLU()), 1, 8, 8),
        "BatchNorm1d": (lambda: dense(nn.BatchNorm1d(12), nn.ReLU()),),
        "BatchNorm2d": (lambda: conv(nn.BatchNorm2d(4), nn.ReLU()), 1, 8, 8),
        "BatchNormCumulative": (lambda: dense(nn.BatchNorm1d(12, momentum=None), nn.ReLU()),),
        "BatchNormWithoutStatistics": (lambda: dense(nn.BatchNorm1d(12, track_running_stats=False), nn.ReLU()),),
        "InstanceNorm2d": (lambda: conv(nn.InstanceNorm2d(4, affine=True), nn.ReLU()), 1, 8, 8),
        "Dropout": (lambda: dense(nn.ReLU(), nn.Dropout(0.3)),),
        "Dropouts": (lambda: row(nn.Dropout(0.1), dense(nn.Dropout(0.5), nn.ReLU(), nn.Dropout(0.2))),),
        "Dropout2d": (lambda: conv(nn.ReLU(), nn.Dropout2d(0.3)), 1, 8, 8),
        "Dropout1d": (
            lambda: row(nn.Conv1d(8, 4, 3), nn.ReLU(), nn.Dropout1d(0.5), nn.Flatten(), nn.Linear(24, 10)),
            8,
            8,
        ),
        "Dropout2dOfRows": (lambda: dense(nn.ReLU(), nn.Dropout2d(0.5)),),
        "Dropout2dOfSequences": (
            lambda: row(nn.Conv1d(8, 4, 3), nn.ReLU(), nn.Dropout2d(0.5), nn.Flatten(), nn.Linear(24, 10)),
            8,
            8,
        ),
        "DropoutInPlace": (InPlace,),
        "DropoutSwitchedOff": (lambda: dense(nn.ReLU(), nn.Dropout(0.5).eval()),),
        "BatchNormSwitchedOff": (lambda: dense(nn.BatchNorm1d(12).eval(), nn.ReLU()),),
        "AlphaDropout": (lambda: dense(nn.SELU(), nn.AlphaDropout(0.2)),),
        "Embedding": (Embedded,),
        "RNN": (lambda: recurrent(nn.RNN), 8, 8),
        "GRU": (lambda: recurrent(nn.GRU), 8, 8),
        "LSTM": (lambda: recurrent(nn.LSTM), 8, 8),
        "LSTMDropout": (lambda: recurrent(nn.LSTM, num_layers=2, dropout=0.2), 8, 8),
        "MultiheadAttention": (Attending, 8, 8),
        "ScaledDotProducts": (Scaled, 8, 8),
        "TransformerEncoder": (encoder, 8, 8),
        "TransformerEncoderDropout": (lambda: encoder(0.1), 8, 8),
        "TiedWeights": (Tied,),
        "Branches": (Branches,),
        "SpectralNorm": (lambda: row(nn.utils.parametrizations.spectral_norm(nn.Linear(64, 10))),),
        "WeightNorm": (lambda: row(nn.utils.parametrizations.weight_norm(nn.Linear(64, 10))),),
        "Noise": (Noisy,),
        "BranchingOnValues": (Branching,),
        "CountingCalls": (Counting,),
        "FrozenLayer": (Frozen,),
    }.items()
}
globals().update(KINDS)

# what cannot join a fleet, and why
ALONE = {
    "BatchNormCumulative": "net.layers.1 (BatchNorm1d): vmap: It looks like you're calling .item() on a Tensor",
    "AlphaDropout": "it draws random numbers in its steps other than those of dropout layers",
    "LSTMDropout": "net.layers.recurrent (LSTM): Batching rule not implemented for aten::lstm.input",
    "TransformerEncoderDropout": "it draws random numbers in its steps other than those of dropout layers",
    "SpectralNorm": "Batching rule not implemented for aten::div.out",
    "Noise": "it draws random numbers in its steps other than those of dropout layers",
    "BranchingOnValues": "data-dependent control flow",
    "CountingCalls": "the model keeps something besides its state dict, which members cannot share",
}


def configuration(kind: str, *overrides: str) -> dict[str, Any]:
    """The configuration of a run that trains such a network on digits."""
    words = ("tracking=none", "~model.init", "model.name=own", "data=digits", "data.batch_size=250")
    target = f"model._target_=shared.layer_kinds.{kind}"
    return seedsweep.resolve(config(*words, target, "trainer.max_epochs=2", "optimizer.lr=0.02", *overrides))


def alone(values: dict[str, Any]) -> RunResult:
    """A run by the reference engine."""
    return build(values).train()


def curves_of(result: FleetResult | RunResult, member: int = 0) -> dict[tuple[str, int], float]:
    """The values of a run, or of a member of a fleet, by metric and step."""
    points = result.points(member) if isinstance(result, FleetResult) else result.points
    return {(point.metric, point.step): point.value for point in points}
