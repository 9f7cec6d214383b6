"""What a search that is over has brought, as hydra-optuna-sweeper writes it, and printed."""

import logging
from dataclasses import asdict
from typing import Any

import pandas as pd
from optuna.trial import TrialState

from seedsweep.errors import FailedRunsError
from seedsweep.search.console import print_found
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
    confirmed = search.confirmations
    finished = [study for study in search.studies if study.trials(TrialState.COMPLETE)]
    table = confirmed_table(search, confirmed)
    if not finished:
        if not any(study.trials(TrialState.RUNNING) for study in search.studies):
            raise FailedRunsError("no trial came to its end, so there is no best one")
        log.warning("no trial has come to its end yet: those that are left run in other processes")
        return {"name": "optuna"}, table
    if len(search.aggregate.signs) > 1:
        several = len(search.studies) > 1
        solutions = [
            ({"option": study.option} if several else {}) | {"params": trial.params, "values": trial.values}
            for study in finished
            for trial in study.shared.study.best_trials
        ]
        return {"name": "optuna", "solutions": solutions}, table
    finished.sort(key=lambda study: search.aggregate.signs[0] * study.shared.study.best_value)
    kept = dashboard(search.studies[0].shared.storage)
    print_found(search, table, winners_of(search, table), search_diagnostics(search, table), kept)
    best = finished[0].shared.study
    results: dict[str, Any] = {"name": "optuna", "best_params": best.best_params, "best_value": best.best_value}
    if len(search.studies) > 1:
        results["studies"] = [_of_study(study) for study in finished]
    if confirmed:
        results["confirmed"] = [asdict(study) | {"values": list(study.values)} for study in confirmed]
    return results, table


def _of_study(studied: OptionStudy) -> dict[str, Any]:
    study = studied.shared.study
    about = {"study": study.study_name, "option": studied.option}
    return about | {"best_params": study.best_params, "best_value": study.best_value}
