"""The real commands, in this process where that is enough, and the configurations that they compose."""

import runpy
import subprocess
import sys
from collections.abc import Sequence
from contextlib import chdir
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import setup_globals
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict

from seedsweep.config.files_read_once import read_files_once
from shared.forked import Forked
from shared.forks import forks

ROOT = Path(__file__).parents[2]
# the options that train any model: `own` needs a module that has an optimizer of its own
OPTIMIZER_OPTIONS = sorted(file.stem for file in (ROOT / "conf" / "optimizer").glob("*.yaml") if file.stem != "own")
BANKNOTE = ROOT.parent / "shared" / "data" / "banknote.csv"
# minutes of training in few steps: an optimizer of a fleet is tried for as many before it begins
ENDLESS = ("optimizer=adam", "model=mlp", "model.hidden=[512,512]", "data.batch_size=398", "trainer.max_epochs=1000")
SILENT = ("hydra/job_logging=disabled", "hydra/hydra_logging=disabled")  # the streams of a test close at its end

needs_banknote = pytest.mark.skipif(not BANKNOTE.exists(), reason="the banknote data is not here")


@dataclass
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def run_command(
    script: str, arguments: Sequence[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Ended:
    GlobalHydra.instance().clear()
    with monkeypatch.context() as patch:
        patch.setenv("SEEDSWEEP_HOME", str(ROOT))  # which the scripts set for their process
        patch.setattr(sys, "argv", [str(ROOT / script), *arguments, *SILENT])
        capfd.readouterr()
        code: Any = 0
        try:
            runpy.run_path(str(ROOT / script), run_name="__main__")
        except SystemExit as end:
            code = end.code
        finally:
            HydraConfig.instance().cfg = None  # what the end of the process would forget
        return Ended(code or 0, *capfd.readouterr())


def start(*arguments: str, **options: Any) -> Forked:
    """`python train.py …` in a process of its own, a fork, in the working directory."""
    return forks().start(str(ROOT / "train.py"), *arguments, **options)


def start_anew(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """The same in a new process, for tests of what a start brings: imports, and what they may print."""
    command = [sys.executable, str(ROOT / "train.py"), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def config(*overrides: str) -> DictConfig:
    """A composed configuration, without the command."""
    setup_globals()
    composed = _loader().load_configuration("config", list(overrides), RunMode.RUN, from_shell=False)
    with open_dict(composed):
        del composed["hydra"]
    return composed


@cache
def _loader() -> ConfigLoaderImpl:
    """Of the project's own configuration, whatever else there is where a test works."""
    with chdir(ROOT):
        loader = ConfigLoaderImpl(create_config_search_path(str(ROOT / "conf")))
    read_files_once(loader)
    return loader
