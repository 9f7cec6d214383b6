"""What a recorded sweep that bought its seeds has answered, printed when somebody asks for a comparison."""

from io import BytesIO
from typing import Any

import pandas as pd
from rich.console import Console

from seedsweep.config.csv_cells import original_table
from seedsweep.errors import ConfigError, StoreError
from seedsweep.report.publish import page_address
from seedsweep.report.unfinished import unfinished
from seedsweep.tracking.reader import load_runs
from seedsweep.tracking.recorded_sweeps import RecordedSweep, read_artifact
from seedsweep.until_sure.console import print_cells, print_diagnostics
from seedsweep.until_sure.record import CELLS, FOLDER, PAGE

NUMBERS: dict[Any, Any] = {name: [""] for name in ("mean", "sd", "dropped_after", "fresh", "low", "high")}


def read_cells(sweep: RecordedSweep, uri: str) -> pd.DataFrame:
    """The cells of a recorded sweep, as its last look has left them.

    Args:
        sweep: whose seeds were bought until it was sure.
        uri: address of its store.

    Returns:
        As `cells_table` makes it.

    Raises:
        ConfigError: it was ended before the first look.
    """
    try:
        (content,) = read_artifact(uri, [sweep], CELLS)
    except (StoreError, OSError) as error:
        raise ConfigError("sweep", sweep.run_id, "was ended before its first look: type its command again") from error
    return original_table(pd.read_csv(BytesIO(content), keep_default_na=False, na_values=NUMBERS))


def read_sentences(sweep: RecordedSweep) -> list[str]:
    """What a sweep has answered, or where it stands.

    Args:
        sweep: whose seeds were bought until it was sure.

    Returns:
        Sentences; an empty one before the first look.
    """
    stands = sweep.tags.get("seedsweep.answer") or sweep.tags.get("seedsweep.stands", "")
    return stands.split(" | ")


def answer_purchase(sweep: RecordedSweep, uri: str, title: str) -> pd.DataFrame:
    """Print what a sweep has answered, or where it stands.

    Args:
        sweep: whose seeds were bought until it was sure.
        uri: address of its store.
        title: what names it.

    Returns:
        A row a cell.

    Raises:
        ConfigError: it was ended before the first look.
    """
    cells = read_cells(sweep, uri)
    console = Console(highlight=False, soft_wrap=True)
    console.print(title, markup=False)
    for sentence in read_sentences(sweep):
        console.print(sentence, markup=False)
    print_cells(cells, sweep.tags["seedsweep.metric"])
    if sweep.status != "FINISHED":
        print_diagnostics(list(unfinished([sweep], load_runs(sweep.run_id, uri))))
    if "seedsweep.answer" in sweep.tags:
        console.print(f"The report: {page_address(sweep, FOLDER, PAGE)}", markup=False)
    return cells
