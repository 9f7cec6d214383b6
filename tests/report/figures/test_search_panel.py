"""What a search brought, ready to be shown."""

import math

import pandas as pd
import pytest
from shared.reports import searched

from seedsweep.report.figures.search_panel import search_panel


def test_fresh_seeds_that_diverged_are_counted_and_leave_no_interval() -> None:
    trials, confirmed, importances = searched()
    confirmed.loc[0, "value"], confirmed.loc[1, "value"] = math.inf, math.nan
    first = search_panel(trials, confirmed, importances, "val/loss", maximize=False).confirmed.iloc[0]
    assert first["label"] == "1 diverged, 1 failed"
    assert first["mean"] == pytest.approx(0.37)
    assert math.isnan(first["low"])


def test_search_without_a_trial_has_no_report() -> None:
    with pytest.raises(ValueError, match="without a trial"):
        search_panel(pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), "val/loss", maximize=False)


def test_optimism_has_the_sign_of_what_is_searched() -> None:
    least, most = (search_panel(*searched(), "val/loss", maximize=maximize) for maximize in (False, True))
    assert least.confirmed["optimism"].tolist() == pytest.approx([0.16, 0.21] * 4)
    assert most.confirmed["optimism"].tolist() == pytest.approx([-0.16, -0.21] * 4)


def test_settings_have_short_names_unless_two_params_end_alike() -> None:
    trials, confirmed, importances = searched(("sgd",), studies=1)
    trials = trials.assign(**{"model.momentum": 0.5, "optimizer.lr": 0.1, "optimizer.momentum": 0.9})
    panel = search_panel(trials, confirmed, importances, "val/loss", maximize=False)
    assert set(panel.trials["setting"]) == {"lr=0.1 optimizer.momentum=0.9 model.momentum=0.5"}
