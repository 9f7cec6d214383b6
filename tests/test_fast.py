"""The fast tests leave no floor untested."""

import subprocess
import sys

import pytest
from shared.commands import ROOT
from shared.house import SOURCE


@pytest.mark.slow
def test_every_floor_has_fast_tests() -> None:
    command = [sys.executable, "-m", "pytest", "-m", "not slow", "--collect-only", "-q", "-n", "0"]
    collected = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    folders = {line.split("/")[1] for line in collected.splitlines() if line.startswith("tests/")}
    floors = {file.parent.name for file in SOURCE.glob("*/__init__.py")}
    assert floors - folders == set()
