"""The contract with plugins: light to import, documented name by name; its errors are shown as Hydra's."""

import pickle
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.errors import CompactHydraException
from shared.commands import ROOT
from shared.forks import run_forked

from seedsweep import plugin
from seedsweep.errors import ConfigError, FailedRunsError, SeedsweepError, StoreError

HEAVY = {"torch", "mlflow", "pandas", "optuna", "pytorch_lightning", "sklearn", "scipy"}
# An application that is not ours, without our way to answer wrong input.
OWN = """
import hydra, seedsweep

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config):
    return seedsweep.run(config)

main()
"""


@pytest.mark.parametrize("module", ["seedsweep.plugin", "hydra_plugins.seedsweep.official"])
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*{HEAVY} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


def test_every_name_is_documented_and_there() -> None:
    assert sorted(re.findall(r"^    `(\w+)`", plugin.__doc__ or "", re.M)) == sorted(plugin.__all__)
    assert all(getattr(plugin, name).__doc__ for name in plugin.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        plugin.nonsense  # noqa: B018


@pytest.mark.parametrize("error", [ConfigError("lr", -1, "must be positive"), FailedRunsError("two"), StoreError("no")])
def test_an_error_shown_by_hydra_is_the_same_but_for_its_traceback(error: SeedsweepError) -> None:
    with pytest.raises(type(error)) as raised, plugin.shown_by_hydra():
        raise error from KeyError("cause")
    assert isinstance(raised.value, CompactHydraException)
    assert (str(raised.value), type(raised.value).__name__) == (str(error), type(error).__name__)
    assert isinstance(raised.value.__cause__, KeyError)
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(error)


def test_any_other_error_is_left_alone() -> None:
    error = KeyError("theirs")
    assert plugin.hydra_error(error) is error
    with pytest.raises(KeyError) as raised, plugin.shown_by_hydra():
        raise error
    assert raised.value is error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("optimizer.lr=-1", "optimizer.lr=-1: must be a finite number greater than 0"),
        ("-m optimizer.lr=-1,1", "optimizer.lr=-1: must be a finite number greater than 0"),
        ("-m hydra/sweeper=basic hydra/launcher=basic optimizer.lr=-1,1", "optimizer.lr=-1: must be"),
        ("-m hydra/sweeper=basic optimizer.lr=-1,1", "optimizer.lr=-1: must be a finite number greater than 0"),
        ("-m hydra/sweeper=basic hydra.launcher.batched=no.such", "hydra.launcher.batched=no.such: Error loading"),
        ("-m hydra/sweeper=optuna hydra.sweeper.n_trials=0", "hydra.sweeper.n_trials=0: must be an integer"),
        ("-m hydra/sweeper=optuna 'optimizer.lr=interval(-2,-1)'", "must be a finite number greater than 0"),
    ],
)
def test_an_application_of_ones_own_shows_messages_without_a_traceback(
    arguments: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    done = run_forked("own.py", *shlex.split(arguments), "tracking=none", "trainer.max_epochs=1", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert message in done.stderr
