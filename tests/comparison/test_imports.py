"""Whoever compares frames waits for neither torch nor Lightning, MLflow, or Hydra."""

import json
import subprocess
import sys

import pytest
from shared.house import SOURCE

HEAVY = {"torch", "pytorch_lightning", "lightning", "mlflow", "hydra"}
MODULES = sorted(file.stem for file in (SOURCE / "comparison").glob("[a-z]*.py"))
# each module by itself, so that no order of imports is presumed; then what is imported while a comparison is made
CODE = """
import json, sys
from importlib import import_module
import pandas as pd

loaded = {}
for module in json.loads(sys.argv[1]):
    for name in [name for name in sys.modules if name.startswith("seedsweep")]:
        del sys.modules[name]
    import_module(f"seedsweep.comparison.{module}")
    loaded[module] = list(sys.modules)
rows = [(option, seed, seed / 100 + cost) for option, cost in (("adam", 0.3), ("sgd", 0.4)) for seed in range(8)]
comparison = import_module("seedsweep").compare(pd.DataFrame(rows, columns=["optimizer", "seed", "val/loss"]))
assert comparison.verdicts and comparison.diagnostics is not None
print(json.dumps(loaded | {"a comparison": list(sys.modules)}))
"""


@pytest.mark.fast
def test_comparing_loads_nothing_that_trains_or_records() -> None:
    command = [sys.executable, "-c", CODE, json.dumps(MODULES)]
    loaded = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert len(loaded) == len(MODULES) + 1
    assert {user: HEAVY & set(modules) for user, modules in loaded.items() if HEAVY & set(modules)} == {}
