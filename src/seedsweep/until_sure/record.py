"""A sweep that buys its seeds, in the store and on the console: its evidence after each round, and its answer."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from seedsweep.comparison.diagnostic import Diagnostic
from seedsweep.errors import ConfigError
from seedsweep.lifecycle.sure_sweep import SureSweep
from seedsweep.report.publish import page_address, provenance
from seedsweep.report.until_sure_html import write_until_sure_report
from seedsweep.tracking.recorded_sweeps import add_artifacts, find_tagged
from seedsweep.until_sure.console import print_answer, print_line
from seedsweep.until_sure.purchase import Purchase
from seedsweep.until_sure.tables import cells_table, line, looks_table, purchase_diagnostics, sentences

CELLS, LOOKS = "cells.csv", "evidence.csv"
SECONDS = 3.0  # between two writings of the tables
GROWING = ("max_seeds", "confirm_seeds")  # keys that may change when the sweep goes on
FOLDER, PAGE = "report", "until_sure.html"


def purchase_tags(purchase: Purchase, keys: Mapping[str, Any]) -> dict[str, str]:
    """The tags of the sweep's parent run: the cells and all numbers on which the decisions depend.

    Args:
        purchase: that begins.
        keys: of `hydra.sweeper`.

    Returns:
        Strings by name, without the prefix `seedsweep.`.
    """
    cells, fixed = purchase.cells, sorted((key, str(keys[key])) for key in keys if key not in GROWING)
    identity = _digest([cells.keys, cells.by, str(purchase.metric), fixed])
    # what does not choose the cells nor the seeds: sweeps that differ in these alone have seen one another's runs
    question = _digest([cells.by, str(purchase.metric), sorted(cells.jobs)])
    shown = {"by": cells.by, "most_runs": str(purchase.most_runs), "max_seeds": str(keys["max_seeds"])}
    return {"until_sure": identity, "question": question, "cells": " ".join(sorted(_short(cells.keys)))} | shown


def check_earlier(purchase: Purchase, keys: Mapping[str, Any], uri: str) -> None:
    """Raise `ConfigError` where an earlier sweep has seen these seeds, so that what is asked now depends on them.

    Args:
        purchase: that begins.
        keys: of `hydra.sweeper`.
        uri: address of the store.
    """
    tags = purchase_tags(purchase, keys)
    for former in find_tagged(uri, "question", tags["question"]):
        seen = int(former.tags.get("seedsweep.seen_seeds", 0))
        if former.tags["seedsweep.until_sure"] == tags["until_sure"]:
            most = int(former.tags["seedsweep.max_seeds"])
            if keys["test"] == "strict" and seen and most != keys["max_seeds"]:
                allowed = f"was {most}, which the looks of a strict test are fixed by: test=betting goes on with more"
                raise ConfigError("hydra.sweeper.max_seeds", keys["max_seeds"], allowed)
        elif _short(purchase.cells.keys) & set(former.tags["seedsweep.cells"].split()) and keys["first_seed"] < seen:
            which = f"sweep {former.run_id[:8]} has compared some of these cells with others, on seeds up to {seen - 1}"
            allowed = f"{which}; cells that are chosen after that need fresh seeds: hydra.sweeper.first_seed={seen}"
            raise ConfigError("hydra.sweeper.first_seed", keys["first_seed"], allowed)


def _seen_before(sweep: SureSweep) -> list[Diagnostic]:
    """What to say where runs of other sweeps are among those that were bought."""
    copied = sweep.record.recorded().tags.get("seedsweep.copied") if sweep.record else None
    if not copied:
        return []
    sentence = f"{copied} of the runs were trained before by other sweeps; if these chose the cells, it is less sure"
    return [Diagnostic(sentence, "hydra.sweeper.first_seed=… begins with seeds that nobody has seen")]


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def _short(keys: Sequence[str]) -> set[str]:
    """Keys of which a tag holds 555."""
    return {key[:8] for key in keys}


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
