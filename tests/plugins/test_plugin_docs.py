"""The examples of docs/plugins.md, exactly as they stand there."""

import re
import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient
from shared.commands import ROOT
from shared.forks import run_forked
from shared.stores import runs_in

TEXT = (ROOT / "docs" / "plugins.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, re.DOTALL)
APP, SWEEPER = (block for kind, block in BLOCKS if kind == "python")
(CONFIG,) = (block for kind, block in BLOCKS if kind == "yaml")
APP_COMMAND, SWEEPER_COMMAND = (block.strip() for kind, block in BLOCKS if kind == "bash")


def run(command: str, folder: Path) -> str:
    """What a command of the page prints, as this Python runs it."""
    python, *arguments = command.split()
    assert python == "python"
    done = run_forked(*arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("choice", "numbers"), [("", ["1", "4", "9"]), ("hydra.launcher.batched=null", None)])
def test_the_application_of_the_page_runs(tmp_path: Path, choice: str, numbers: list[str] | None) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "config.yaml").write_text(CONFIG)
    printed = run(f"{APP_COMMAND} {choice}", tmp_path)
    assert [line for line in printed.splitlines() if line.isdecimal()] == ["1", "4", "9"]
    assert ("#0 : x=1" in printed) == (numbers is None)  # what Hydra's basic launcher says of each job


@pytest.mark.slow
def test_the_sweeper_of_the_page_records_a_sweep(tmp_path: Path, client: MlflowClient) -> None:
    shutil.copy(ROOT / "train.py", tmp_path)
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "hydra_plugins").mkdir()
    (tmp_path / "hydra_plugins" / "seeds.py").write_text(SWEEPER)
    assert "3 runs: 3 finished" in run(SWEEPER_COMMAND, tmp_path)
    assert [run.data.params["seed"] for run in runs_in(client)] == ["0", "1", "2"]
    assert len(runs_in(client, "sweep")) == 1
