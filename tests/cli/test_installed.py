"""The commands as somebody has them who installed the wheel: in any folder, without a checkout."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import pytest
from shared.commands import ROOT
from shared.waiting import SMALL_SERVER, answers, free_port, wait_for

LION = "_target_: pytorch_optimizer.Lion\nlr: 0.001\n"
ADAM = "_target_: torch.optim.Adam\nlr: 0.5\n"  # in place of the one that ships
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="session")
def bin_folder(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands of a fresh environment are: what seedsweep depends on is seen from this one, itself is not."""
    fresh = tmp_path_factory.mktemp("fresh") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(fresh)], check=True)
    (site,) = fresh.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    command = [sys.executable, "-m", "pip", "--python", str(fresh), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return fresh / "bin"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MLFLOW_TRACKING_URI", "SEEDSWEEP_HOME", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command: Path, *arguments: str) -> str:
    ended = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_wheel_holds_configurations_commands_and_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in ("py.typed", "conf/config.yaml", "conf/compare.yaml", "conf/optimizer/adam.yaml", "names/model.py"):
        assert f"seedsweep/{name}" in names
    assert {"seedsweep/sweeps/learning_rates.yaml", "hydra_plugins/seedsweep/configs.py"} <= names
    assert not {name for name in names if "__pycache__" in name}


def test_a_sweep_in_an_empty_folder_keeps_its_store_there(bin_folder: Path, folder: Path) -> None:
    where = "import seedsweep; print(seedsweep.__file__)"
    assert str(bin_folder.parent) in run(bin_folder / "python", "-c", where)
    swept = run(bin_folder / "seedsweep", "-m", "optimizer=sgd,adam", "seed=range(0,2)", "trainer.max_epochs=2")
    assert "4 runs: 4 finished" in swept
    assert "The report: " in swept, "a sweep is compared, unless one says otherwise"
    assert "See it: seedsweep-ui, then open" in swept
    assert (folder / "mlruns" / "mlflow.db").exists()
    compared = run(bin_folder / "seedsweep-compare", "baseline=sgd", "figures=null")
    assert "4 runs" in compared
    assert str(folder / "mlruns" / "artifacts") in compared


def test_a_folder_conf_adds_to_and_overrides_what_ships(bin_folder: Path, folder: Path) -> None:
    (folder / "conf" / "optimizer").mkdir(parents=True)
    (folder / "conf" / "optimizer" / "lion.yaml").write_text(LION)
    (folder / "conf" / "optimizer" / "adam.yaml").write_text(ADAM)
    untracked = ("tracking=none", "trainer.max_epochs=1")
    swept = run(bin_folder / "seedsweep", "-m", "optimizer=lion,adam,sgd", *untracked)
    assert {"lion lr=0.001", "adam lr=0.5", "sgd lr=0.01"} <= {
        " ".join(line.split()[:2]) for line in swept.splitlines()
    }
    assert "lion" in run(bin_folder / "seedsweep", "--help")


def test_the_configuration_of_another_application_is_left_alone(bin_folder: Path, folder: Path) -> None:
    (folder / "conf" / "optimizer").mkdir(parents=True)
    (folder / "conf" / "config.yaml").write_text("db: mysql\n")
    (folder / "conf" / "optimizer" / "adam.yaml").write_text("beta: 1\n")
    assert "adam lr=0.01" in run(bin_folder / "seedsweep", "optimizer=adam", "tracking=none", "trainer.max_epochs=1")


def test_ready_made_sweeps_need_no_path(bin_folder: Path, folder: Path) -> None:
    shown = run(bin_folder / "seedsweep", "-cn", "learning_rates", "--cfg", "hydra", "-p", "hydra.sweeper.params")
    assert "0.01,0.05,0.1,0.5" in shown


@pytest.mark.parametrize(
    ("line", "completion"), [("optimizer=ada", "optimizer=adam"), ("trainer.max_e", "trainer.max_epochs=")]
)
def test_tab_completes_options_and_keys(bin_folder: Path, folder: Path, line: str, completion: str) -> None:
    """As bash asks for it, by what the installed command says of itself."""
    script = (
        f'export PATH="{bin_folder}:$PATH"; eval "$(seedsweep -sc install=bash)"; complete -p seedsweep >&2;'
        f' COMP_LINE="seedsweep {line}" COMP_POINT=99 COMP_CWORD=1; words=(seedsweep "{line}");'
        ' hydra_bash_completion; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert "hydra_bash_completion" in ended.stderr
    assert completion in ended.stdout.split()


def test_the_pages_are_served_to_this_machine(bin_folder: Path, folder: Path) -> None:
    run(bin_folder / "seedsweep", "trainer.max_epochs=1")
    port = free_port()
    options: dict[str, Any] = {"stderr": subprocess.DEVNULL, "env": os.environ | SMALL_SERVER}
    with subprocess.Popen([bin_folder / "seedsweep-ui", f"port={port}"], **options) as server:
        try:
            assert wait_for(lambda: answers(f"http://127.0.0.1:{port}/health"))
        finally:
            server.terminate()
    assert wait_for(lambda: not answers(f"http://127.0.0.1:{port}/health"))
