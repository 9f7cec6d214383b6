"""The script that is to be run on a GPU runs on a CPU, too."""

import subprocess
import sys

import pytest
from shared.commands import ROOT


@pytest.mark.slow
def test_the_benchmark_of_a_gpu_runs_without_one() -> None:
    command = [sys.executable, "-W", "error", str(ROOT / "benchmarks" / "gpu.py"), "--quick"]
    head, _, *rows = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert {row.count("|") for row in rows} == {head.count("|")}
    assert [row.split("|")[1].strip() for row in rows] == ["softmax regression", "MLP 64"]
