"""A sweep that buys its seeds, in the store and on the console: its evidence after each round, its answer at the end."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from seedsweep.comparison.until_sure import Sequential
from seedsweep.lifecycle.sure_sweep import SureSweep
from seedsweep.report.publish import page_address, provenance
from seedsweep.report.until_sure_html import write_until_sure_report
from seedsweep.tracking.recorded_sweeps import add_artifacts
from seedsweep.until_sure.console import print_answer, print_line
from seedsweep.until_sure.purchase import Purchase
from seedsweep.until_sure.tables import cells_table, line, looks_table, purchase_diagnostics, sentences

CELLS, LOOKS = "cells.csv", "evidence.csv"
FOLDER, PAGE = "report", "until_sure.html"


def purchase_tags(purchase: Purchase, keys: Mapping[str, Any]) -> dict[str, str]:
    """The tags of the sweep's parent run: the cells and all numbers on which the decisions depend.

    Args:
        purchase: that begins.
        keys: of `hydra.sweeper`.

    Returns:
        Strings by name, without the prefix `seedsweep.`. A test that may go on with more seeds is the same whatever
        `max_seeds` are.
    """
    cells = purchase.cells
    grows = isinstance(purchase.test, Sequential) and keys["test"] == "betting"
    fixed = sorted((key, str(keys[key])) for key in keys if not (grows and key == "max_seeds"))
    content = json.dumps([cells.keys, cells.by, str(purchase.metric), fixed])
    digest = hashlib.sha256(content.encode()).hexdigest()[:32]
    return {"until_sure": digest, "by": cells.by, "most_runs": str(purchase.most_runs)}


def record_purchase(sweep: SureSweep, purchase: Purchase) -> None:
    """Print where it stands after a round, and keep it with the sweep.

    Args:
        sweep: that the purchase is.
        purchase: which was told what the round returned.
    """
    if purchase.confirmations:
        return
    if sweep.is_shown():
        print_line(line(purchase))
    if sweep.record is None:
        return
    sweep.record.write_table(cells_table(purchase), CELLS)
    sweep.record.write_table(looks_table(purchase), LOOKS)
    living = {cell for state in purchase.states.values() for cell in state.living}
    metrics = {"living_cells": float(len(living)), "bought_runs": float(purchase.runs)}
    sweep.record.write_progress({"stands": line(purchase)[:5000]}, metrics, len(purchase.looks))


def show_purchase(sweep: SureSweep, purchase: Purchase) -> None:
    """Print the answer, and keep it and its page with the sweep.

    Args:
        sweep: that the purchase was, which has ended.
        purchase: that is over.
    """
    answers, table = sentences(purchase), cells_table(purchase)
    diagnostics = purchase_diagnostics(purchase)
    if sweep.is_shown():
        print_answer(answers, table, diagnostics, purchase)
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
