"""Which modules and optimizers train in a fleet, and how equal to the reference engine.

`python benchmarks/fit_for_fleet.py` prints the rows of both tables of docs/fleet.md. Modules: one for each kind of
layer, digits, minibatches of 250 rows, two epochs of Adam, momentum and Adam at another rate; the largest difference of
their losses, in 64 and 32 bits. Optimizers: logistic regression of breast_cancer at rates of 0.001 and 0.01, 3 epochs.
"""

import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytorch_optimizer
import torch
from tables import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # where the modules are that the tests train
from shared import fleets
from shared.layer_kinds import KINDS, alone, configuration, curves_of

from seedsweep.engine.fleet import trainer as fleet
from seedsweep.engine.fleet.assemble import assemble, refuse_model
from seedsweep.engine.fleet.shared_optimizer import NotProportionalError
from seedsweep.engine.muon import muon

RUNS = ("init_seed=0 order_seed=0 optimizer=adam", "init_seed=1 order_seed=1 optimizer=momentum")
RUNS += ("init_seed=0 order_seed=1 optimizer=adam optimizer.lr=0.01",)
TORCHS = ("Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "ASGD", "LBFGS", "Muon", "NAdam", "RAdam")
TORCHS += ("RMSprop", "Rprop", "SGD", "SparseAdam")
OTHERS = ("AdaBelief", "AdaBound", "Adan", "Lamb", "LARS", "Lion", "Prodigy", "ScheduleFreeAdamW", "Shampoo", "SOAP")


def modules() -> Iterator[tuple[str, str, str]]:
    """Of each kind of layer: its name, the largest differences in 64 and 32 bits or a dash, and the reason."""
    for kind in KINDS:
        if reason := refuse_model(configuration(kind)):
            yield kind, "–", reason.removeprefix("the model cannot be vectorised: ").split(". ")[0]
        else:
            exact, single = (_difference(kind, precision) for precision in ("64-true", "32-true"))
            yield kind, f"{exact:.0e}, {single:.0e}", "fleet"


def _difference(kind: str, precision: str) -> float:
    runs = [configuration(kind, f"trainer.precision={precision}", *words.split()) for words in RUNS]
    together = fleet.train(assemble(runs))
    largest = 0.0
    for member, values in enumerate(runs):
        actual = curves_of(together, member)
        expected = curves_of(alone(values))
        loss = [key for key in expected if key[0].endswith("loss")]
        largest = max(largest, *(abs(actual[key] - expected[key]) for key in loss))
    return largest


def optimizers() -> Iterator[tuple[str, str, str]]:
    """Of each optimizer: its name, the largest difference or a dash, and the reason."""
    makers = {f"torch.optim.{name}": getattr(torch.optim, name) for name in TORCHS}
    makers |= {f"pytorch_optimizer.{name}": getattr(pytorch_optimizer, name) for name in OTHERS}
    makers["seedsweep.optimizers.muon"] = muon
    for name, make in makers.items():
        try:
            yield name, f"{_difference_of(partial(make)):.0e}", "fleet"
        except NotProportionalError as error:
            yield name, "–", str(error)


def _difference_of(make: Callable[..., Any]) -> float:
    runs = [fleets.run(make, rate, epochs=3) for rate in (0.001, 0.01)]
    together = fleet.train(fleets.fleet(fleets.logistic(), runs))
    largest = 0.0
    for member, run in enumerate(runs):
        actual = fleets.curves(together, member)
        for point in fleets.alone(fleets.logistic(), run).points:
            largest = max(largest, abs(actual[point.metric, point.step, point.epoch] - point.value))
    return largest


def main() -> None:
    """Print the modules, and then the optimizers, in Markdown."""
    warnings.simplefilter("ignore")
    table = Table("module or optimizer", "largest difference", "trained by, or why alone")
    for cells in chain(modules(), optimizers()):
        table.row(*cells)


if __name__ == "__main__":
    main()
