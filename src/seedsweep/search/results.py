"""What a search that is over has brought, as hydra-optuna-sweeper writes it, and printed."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
from optuna.trial import TrialState

from seedsweep.errors import FailedRunsError
from seedsweep.search.console import print_results
from seedsweep.search.option_study import OptionStudy
from seedsweep.search.record import dashboard, winners_of
from seedsweep.search.rounds import Search
from seedsweep.search.tables import confirmed_table, search_diagnostics

log = logging.getLogger(__name__)


def search_results(search: Search) -> tuple[dict[str, Any], pd.DataFrame]:
    """Print what a search that is over has brought.

    Args:
        search: that has no more jobs to ask for.

    Returns:
        The results as hydra-optuna-sweeper writes them, and the `confirmed_table`.

    Raises:
        FailedRunsError: no trial came to its end.
    """
    confirmed = confirmed_table(search)
    finished = [study for study in search.studies if study.trials(TrialState.COMPLETE)]
    if not finished:
        if not any(study.trials(TrialState.RUNNING) for study in search.studies):
            raise FailedRunsError("no trial came to its end, so there is no best one")
        log.warning("no trial has come to its end yet: those that are left run in other processes")
        return {"name": "optuna"}, confirmed
    if len(search.aggregate.signs) > 1:
        return {"name": "optuna", "solutions": _solutions(finished, len(search.studies) > 1)}, confirmed
    finished.sort(key=lambda study: search.aggregate.signs[0] * study.shared.study.best_value)
    storage = dashboard(search.studies[0].shared.storage)
    print_results(search, confirmed, winners_of(search, confirmed), search_diagnostics(search, confirmed), storage)
    results = {"name": "optuna"} | _best(finished[0])
    if len(search.studies) > 1:
        results["studies"] = [{"study": study.name, "option": study.option} | _best(study) for study in finished]
    if search.confirmations:
        results |= {"answer": search.answer} if search.answer else {}
        results["confirmed"] = [asdict(trial) | {"values": list(trial.values)} for trial in search.confirmations]
    return results, confirmed


def _solutions(studies: Sequence[OptionStudy], has_options: bool) -> list[dict[str, Any]]:
    """The trials of several objectives that no other one of their study is better than."""
    return [
        ({"option": study.option} if has_options else {}) | {"params": trial.params, "values": trial.values}
        for study in studies
        for trial in study.shared.study.best_trials
    ]


def _best(study: OptionStudy) -> dict[str, Any]:
    return {"best_params": study.shared.study.best_params, "best_value": study.shared.study.best_value}
