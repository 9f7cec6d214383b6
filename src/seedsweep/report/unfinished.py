"""Sweeps that are not complete: whether they are being trained, were killed or ended early, and how to go on."""

from collections.abc import Iterator, Sequence

import pandas as pd

from seedsweep.comparison.diagnostic import Diagnostic
from seedsweep.tracking.recorded_sweeps import RecordedSweep, owner_at_work

ENDED = ("finished", "diverged", "pruned", "failed")  # outcomes of runs that came to an end
LONGEST = 200  # characters of a command


def unfinished(sweeps: Sequence[RecordedSweep], runs: pd.DataFrame) -> Iterator[Diagnostic]:
    """What there is to say of sweeps that are RUNNING or KILLED in the store.

    Args:
        sweeps: as the store has them.
        runs: a row a run of these sweeps, with its `sweep`, `outcome` and `status`.

    Returns:
        A diagnostic for each.
    """
    for sweep in sweeps:
        if sweep.status not in ("RUNNING", "KILLED"):
            continue
        of_sweep = runs[runs["sweep"] == sweep.run_id]
        left = of_sweep[~of_sweep["outcome"].isin(ENDED)]
        if sweep.status == "KILLED":
            if len(left):
                yield Diagnostic(f"{_name(sweep)} was ended early: {_counted(of_sweep, left)}", _remedy(sweep))
        elif owner := owner_at_work(sweep):
            where = f"is being trained by process {owner['pid']} of {owner['host']}"
            yield Diagnostic(f"{_name(sweep)} {where}: {_counted(of_sweep, left)}", "compare again when it has ended")
        else:
            yield Diagnostic(f"{_name(sweep)} was killed: {_counted(of_sweep, left)}", _remedy(sweep))


def _name(sweep: RecordedSweep) -> str:
    return f"Sweep {sweep.run_id[:8]}"


def _counted(runs: pd.DataFrame, left: pd.DataFrame) -> str:
    """How many runs have ended, and what the store has of the others."""
    begun = {status: int((left["status"] == status).sum()) for status in ("RUNNING", "KILLED")}
    counts = begun | {"never begun": len(left) - sum(begun.values())}
    others = [f"{count:,} {what}" for what, count in counts.items() if count]
    words = f"{len(runs) - len(left):,} of {len(runs):,} runs have ended"
    return f"{words}, {', '.join(others)}" if others else words


def _remedy(sweep: RecordedSweep) -> str:
    command = sweep.tags.get("seedsweep.command", "")
    shown = f": {command}" if 0 < len(command) <= LONGEST else ""
    return f"its command goes on with it when it is typed again{shown}"
