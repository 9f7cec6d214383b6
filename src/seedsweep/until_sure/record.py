"""A sweep that buys its seeds, in the store and on the console: its evidence after each round, and its answer."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from seedsweep.comparison.diagnostic import Diagnostic
from seedsweep.lifecycle.sure_sweep import SureSweep
from seedsweep.report.publish import page_address, provenance
from seedsweep.report.until_sure_html import write_until_sure_report
from seedsweep.tracking.recorded_sweeps import add_artifacts
from seedsweep.until_sure.console import print_answer, print_line
from seedsweep.until_sure.purchase import Purchase
from seedsweep.until_sure.tables import cells_table, line, looks_table, purchase_diagnostics, sentences

CELLS, LOOKS = "cells.csv", "evidence.csv"
SECONDS = 3.0  # between two writings of the tables
FOLDER, PAGE = "report", "until_sure.html"


def _seen_before(sweep: SureSweep) -> list[Diagnostic]:
    """What to say where runs of other sweeps are among those that were bought."""
    copied = sweep.record.recorded().tags.get("seedsweep.copied") if sweep.record else None
    if not copied:
        return []
    sentence = f"{copied} of the runs were trained before by other sweeps; if these chose the cells, it is less sure"
    return [Diagnostic(sentence, "hydra.sweeper.first_seed=… begins with seeds that nobody has seen")]


def record_purchase(sweep: SureSweep, purchase: Purchase) -> None:
    """Print where it stands after a round, and keep it with the sweep.

    Args:
        sweep: that the purchase is.
        purchase: which was told what the round returned.
    """
    if purchase.confirmations:
        return
    if sweep.is_shown():
        if purchase.seen_by and len(purchase.looks) == 1:
            print_line(
                f"Seeds begin at {purchase.first_seed}: {purchase.seen_by} has compared some of the cells on others"
            )
        print_line(line(purchase))
    if sweep.record is None:
        return
    if time.monotonic() - purchase.recorded > SECONDS or purchase.is_decided:
        purchase.recorded = time.monotonic()
        sweep.record.write_table(cells_table(purchase), CELLS)
        sweep.record.write_table(looks_table(purchase), LOOKS)
    living = {cell for state in purchase.states.values() for cell in state.living}
    metrics = {"living_cells": float(len(living)), "bought_runs": float(purchase.runs)}
    seen = {"seen_seeds": str(purchase.first_seed + max(state.seeds for state in purchase.states.values()))}
    sweep.record.write_progress(seen | {"stands": line(purchase)[:5000]}, metrics, len(purchase.looks))


def show_purchase(sweep: SureSweep, purchase: Purchase) -> None:
    """Print the answer, and keep it and its page with the sweep.

    Args:
        sweep: that the purchase was, which has ended.
        purchase: that is over.
    """
    answers, table = sentences(purchase), cells_table(purchase)
    diagnostics = [*purchase_diagnostics(purchase), *_seen_before(sweep)]
    if sweep.is_shown():
        print_answer(answers, table, str(purchase.metric), diagnostics)
    if sweep.record is None:
        return
    record = sweep.record
    record.write_table(table, CELLS)
    record.write_progress({"answer": " | ".join(answers)[:5000]}, {}, len(purchase.looks))
    recorded = record.recorded()
    with TemporaryDirectory() as folder:
        write_until_sure_report(
            table,
            looks_table(purchase),
            Path(folder),
            provenance([recorded], record.uri),
            metric=str(purchase.metric),
            by=purchase.cells.by,
            confidence=purchase.confidence,
            sentences=answers,
            diagnostics=diagnostics,
        )
        add_artifacts(record.uri, recorded, Path(folder), FOLDER)
    if sweep.is_shown():
        Console(highlight=False, soft_wrap=True).print(
            f"The report: {page_address(recorded, FOLDER, PAGE)}", markup=False
        )
