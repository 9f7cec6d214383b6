"""What commands import: nothing that they do not need, so that they start at once."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from shared.commands import ROOT, Ended

LIGHTNING = {"pytorch_lightning", "lightning_fabric", "torchmetrics", "matplotlib", "scipy.signal"}
COMPILER = {"torch._dynamo", "torch._inductor", "sympy"}
FOR_DATA = {"sklearn", "scipy.stats"}
SWEEP = ("train.py", "-m", "optimizer=sgd,adam", "seed=0,1", "trainer.max_epochs=1")
pytestmark = pytest.mark.slow


def imported(script: str, *words: str) -> set[str]:
    """The modules that a command imports until its end."""
    command = [sys.executable, "-X", "importtime", str(ROOT / script), *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return {line.rsplit("|", 1)[-1].strip() for line in ended.stderr.splitlines()}


@pytest.mark.parametrize("words", [SWEEP, ("train.py", "trainer.max_epochs=1")], ids=["sweep", "run"])
def test_a_fleet_trains_without_lightning_and_the_compiler(uri: str, words: tuple[str, ...]) -> None:
    modules = imported(*words)
    assert {"torch", "sqlalchemy"} <= modules
    assert not modules & (LIGHTNING | COMPILER | FOR_DATA | {"mlflow", "optuna"})


def test_a_comparison_trains_nothing(train: Callable[..., Ended]) -> None:
    assert train(*SWEEP[1:], "compare=false").code == 0
    modules = imported("compare.py", "figures=null")
    assert {"sqlalchemy", "pandas"} <= modules
    assert not modules & (LIGHTNING | COMPILER | FOR_DATA | {"torch", "mlflow", "optuna"})


def test_help_imports_nothing_that_takes_long(uri: str) -> None:
    assert not imported("train.py", "--help") & {"torch", "mlflow", "pandas", "numpy", "sqlalchemy", "optuna"}
