"""What a sweep prints at its end."""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from shared.reports import swept

from seedsweep.lifecycle import grid_sweep
from seedsweep.lifecycle.grid_sweep import GridSweep
from seedsweep.report.summary import summarize
from seedsweep.tracking.sweep_writer import SweepRecord


@pytest.mark.parametrize("failing", ["compare_sweeps", "publish"])
def test_table_is_printed_even_if_the_comparison_fails(
    failing: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(f"seedsweep.report.publish.{failing}", fail)
    runs, curves = swept(diverged=False)
    runs = runs.assign(group=runs["optimizer"] + " lr=" + runs["optimizer.lr"].astype(str), fingerprint="f")
    sweep = GridSweep("a sweep", (), lambda *_: cast(Any, None), tmp_path)
    record = SimpleNamespace(
        uri=f"sqlite:///{tmp_path}/a.db",
        page=lambda _metric, _params: "#/x",
        recorded=lambda: SimpleNamespace(tags={}, status="FINISHED"),
    )
    sweep.record, sweep.first = cast(SweepRecord, record), {"objective": {"metric": "val/loss"}}
    monkeypatch.setattr(grid_sweep.log, "disabled", False)  # Hydra, in a test before, disables loggers
    with caplog.at_level(logging.WARNING):
        sweep.show(runs, summarize(runs, "val/loss"), curves)
    printed = capsys.readouterr().out
    assert "mean ± sd over seeds of the last value; 72 runs: 72 finished" in printed
    assert ("at 95 % confidence over 8 seeds.\na sweep" in printed) == (failing == "publish")
    assert "the sweep is kept, but could not be compared (a bug); try seedsweep-compare" in caplog.text
