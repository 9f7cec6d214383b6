"""What recorded searches have confirmed, printed when somebody asks for a comparison."""

from collections.abc import Sequence

import pandas as pd
from rich.console import Console
from rich.markup import escape

from seedsweep.comparison.diagnostic import Diagnostic
from seedsweep.comparison.study_effects import StudyComparison
from seedsweep.config.overrides import parse_override
from seedsweep.errors import ConfigError
from seedsweep.report.publish import page_address
from seedsweep.report.unfinished import unfinished
from seedsweep.search.console import print_confirmed
from seedsweep.search.record import ANSWER, FOLDER, PAGE, read_confirmed
from seedsweep.tracking.reader import load_runs
from seedsweep.tracking.recorded_sweeps import RecordedSweep


def answer_search(
    sweeps: Sequence[RecordedSweep], uri: str, title: str, typed: Sequence[str]
) -> StudyComparison | pd.DataFrame:
    """Print what searches have confirmed.

    Args:
        sweeps: the parent runs of the searches.
        uri: address of their store.
        title: what names them.
        typed: the overrides by which the question differs from the usual one; a search takes none.

    Returns:
        What the winners of several studies allow to say; of one study the table of what was confirmed.

    Raises:
        ConfigError: nothing was confirmed, or something else is asked.
    """
    if (recorded := read_confirmed(uri, sweeps)) is None:
        ids = ",".join(sweep.run_id[:8] for sweep in sweeps)
        if diagnostics := _unfinished(sweeps, uri):
            raise ConfigError(
                "sweep", ids, f"has confirmed nothing yet. {diagnostics[0].sentence}: {diagnostics[0].remedy}"
            )
        allowed = "a search that has confirmed no trial has nothing to compare: search with hydra.sweeper.seeds=5"
        raise ConfigError("sweep", ids, allowed)
    if typed:
        override = parse_override(typed[0])
        raise ConfigError(override.key, override.value, "is not asked of a search, which is told by what it searched")
    confirmed, winners = recorded
    console = Console(highlight=False, soft_wrap=True)
    console.print(title, markup=False)
    answers = [sweep.tags[ANSWER] for sweep in sweeps if sweep.tags.get(ANSWER)]
    print_confirmed(confirmed, sweeps[0].tags["seedsweep.metric"], winners, "\n".join(answers))
    for diagnostic in _unfinished(sweeps, uri):
        console.print(f"[yellow]![/] {escape(diagnostic.sentence)}: {escape(diagnostic.remedy)}")
    console.print(f"The report: {page_address(sweeps[0], FOLDER, PAGE)}", markup=False)
    return winners or confirmed


def _unfinished(sweeps: Sequence[RecordedSweep], uri: str) -> list[Diagnostic]:
    not_ended = [sweep for sweep in sweeps if sweep.status != "FINISHED"]
    if not not_ended:
        return []
    return list(unfinished(not_ended, pd.concat([load_runs(sweep.run_id, uri) for sweep in not_ended])))
