"""The fast tests leave no floor untested."""

import pytest
from shared.commands import ROOT
from shared.forks import run_forked
from shared.house import SOURCE


@pytest.mark.slow
def test_every_floor_has_fast_tests() -> None:
    collect = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
    imported = "ignore::pytest.PytestAssertRewriteWarning"  # of plugins that the process has imported already
    words = ("-m", "not slow", "--collect-only", "-q", "-n", "0", "-W", imported)
    collected = run_forked("-c", collect, *words, check=True, cwd=ROOT).stdout
    folders = {line.split("/")[1] for line in collected.splitlines() if line.startswith("tests/")}
    floors = {file.parent.name for file in SOURCE.glob("*/__init__.py")}
    assert floors - folders == set()
