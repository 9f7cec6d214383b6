"""`hydra/sweeper=optuna` where hydra-optuna-sweeper is installed beside seedsweep."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from shared.commands import ROOT
from shared.forks import run_forked

APP = """
import hydra

@hydra.main(version_base=None, config_path=None)
def main(config):
    return config.x**2

main()
"""
THEIRS = """
import sys
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper


@dataclass
class Conf:
    _target_: str = "hydra_plugins.hydra_optuna_sweeper.OptunaSweeper"
    defaults: list[Any] = field(default_factory=lambda: [{"sampler": "tpe"}])
    sampler: Any = None


class OptunaSweeper(Sweeper):
    def __init__(self, **keys): ...
    def setup(self, **given): ...
    def sweep(self, arguments):
        raise SystemExit("this is the other sweeper")


ConfigStore.instance().store(group="hydra/sweeper", name="optuna", node=Conf, provider="optuna_sweeper")
tpe = {"_target_": "optuna.samplers.TPESampler", "key_of_theirs": True}
ConfigStore.instance().store(group="hydra/sweeper/sampler", name="tpe", node=tpe, provider="optuna_sweeper")
print("comes", "second" if "hydra_plugins.seedsweep.optuna" in sys.modules else "first")
"""
SAID = "hydra-optuna-sweeper is installed, too"
SEARCH = ("-m", "+x=interval(-1, 1)", "hydra.sweeper.n_trials=2")


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder in which another sweeper is installed under the official's name."""
    package = tmp_path / "theirs" / "hydra_plugins" / "hydra_optuna_sweeper"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(THEIRS)
    return tmp_path / "theirs"


def run(folder: Path, *arguments: str, path: Sequence[Path] = ()) -> subprocess.CompletedProcess[str]:
    """An application that is not ours, with these folders before all others on Python's path."""
    (folder / "app.py").write_text(APP)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    return run_forked("app.py", *arguments, cwd=folder, env=environment, check=True)


@pytest.mark.slow
@pytest.mark.parametrize("order", ["first", "second"])
def test_ours_wins_in_whichever_order_they_are_imported_and_says_so(tmp_path: Path, theirs: Path, order: str) -> None:
    path = [theirs] if order == "first" else [ROOT / "src", theirs]  # Hydra looks through them one after the other
    ended = run(tmp_path, *SEARCH, "hydra/sweeper=optuna", "hydra.sweep.dir=out", path=path)
    assert f"comes {order}" in ended.stdout
    assert ended.stderr.count(SAID) == 1
    assert yaml.safe_load((tmp_path / "out" / "optimization_results.yaml").read_text())["name"] == "optuna"


@pytest.mark.slow
def test_own_name_says_nothing(tmp_path: Path, theirs: Path) -> None:
    ended = run(tmp_path, *SEARCH, "hydra/sweeper=seedsweep_optuna", "hydra.sweep.dir=out", path=[theirs])
    assert SAID not in ended.stderr
    assert (tmp_path / "out" / "optimization_results.yaml").exists()


@pytest.mark.slow
def test_nothing_is_said_without_the_other(tmp_path: Path) -> None:
    for name in ("optuna", "seedsweep_optuna"):
        assert SAID not in run(tmp_path, *SEARCH, f"hydra/sweeper={name}", f"hydra.sweep.dir={name}").stderr
        assert (tmp_path / name / "optimization_results.yaml").exists()


def test_commands_without_it_are_as_they_were(tmp_path: Path, theirs: Path) -> None:
    show = ("--cfg", "all", "hydra.run.dir=out", "+x=1")
    alone, beside = run(tmp_path, *show), run(tmp_path, *show, path=[theirs])
    assert alone.stdout == beside.stdout.removeprefix("comes first\n")
    assert alone.stderr == beside.stderr == ""
