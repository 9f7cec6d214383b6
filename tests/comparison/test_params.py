"""Which params were swept, and which of them is compared."""

import pandas as pd
import pytest
from shared.scores import runs, sentences

from seedsweep.comparison.compare import compare
from seedsweep.comparison.params import params, swept
from seedsweep.errors import ConfigError


def test_param_that_was_swept_is_compared_where_the_optimizer_is_one() -> None:
    comparison = compare(runs({("sgd", 0.1): 1.0, ("sgd", 1.0): 0.5}))
    assert comparison.question.by == "optimizer.lr"
    assert sentences(comparison, "at the same setting")[0].startswith("lr=1 wins")


def test_param_that_was_not_swept_is_refused_with_those_that_were() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}).assign(init="zeros")
    with pytest.raises(ConfigError, match="by=init: has one value only, zeros; swept were optimizer"):
        compare(table, by="init")


def test_what_follows_from_an_option_is_no_setting() -> None:
    levels = {("sgd", 0.1): 1.0, ("adam", 0.1): 0.5}
    zeros, normal = runs(levels).assign(init="zeros"), runs(levels).assign(init="normal")
    table = pd.concat([zeros, normal.assign(run="n" + normal["run"])])
    table["optimizer._target_"] = "torch.optim." + table["optimizer"]
    assert compare(table, by="init").question.at == ["optimizer"]


def test_metric_whose_sign_was_changed_is_no_param() -> None:
    table = runs({("sgd", 0.1): 1.0, ("adam", 0.1): 0.5})
    table["neg_log_loss"] = (table.index % 2).astype(float)
    assert "neg_log_loss" not in params(table)


def test_runs_from_before_a_key_have_its_default() -> None:
    before = pd.DataFrame({"optimizer": ["sgd", "adam"]})
    keys = {
        "trainer.early_stopping.min_delta": 0.0,
        "trainer.early_stopping.monitor": "val/loss",
        "trainer.norms": False,
    }
    assert swept(pd.concat([before, before.assign(**keys)], ignore_index=True)) == ["optimizer"]
    as_stored = before.assign(
        **{"trainer.norms": "false", "trainer.decay_biases": "true", "schedule.interval": "epoch"}
    )
    assert swept(pd.concat([before, as_stored], ignore_index=True)) == ["optimizer"]
    without = before.assign(**{"trainer.decay_biases": "false"})
    assert swept(pd.concat([before, without], ignore_index=True)) == ["optimizer", "trainer.decay_biases"]
    others = before.assign(**keys | {"trainer.early_stopping.min_delta": 0.1})
    both = pd.concat([before, others], ignore_index=True)
    assert swept(both, "optimizer") == ["trainer.early_stopping.min_delta"]


def test_the_highest_rate_of_a_schedule_is_no_second_learning_rate() -> None:
    rows = [(option, schedule, rate) for option in "ab" for schedule in ("constant", "cycle") for rate in (0.01, 0.1)]
    runs = pd.DataFrame(rows, columns=["optimizer", "schedule", "optimizer.lr"])
    runs["schedule.max_lr"] = runs["optimizer.lr"].where(runs["schedule"] == "cycle")
    assert swept(runs, "optimizer") == ["optimizer.lr", "schedule"]
    assert swept(runs.assign(**{"schedule.max_lr": range(8)}), "optimizer")[-1] == "schedule.max_lr"
