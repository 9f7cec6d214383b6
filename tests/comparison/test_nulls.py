"""A key that is null is a value as any other; weighted losses are told not to be comparable."""

import numpy as np
import pandas as pd

from seedsweep.comparison.compare import compare
from seedsweep.comparison.params import swept, with_nulls


def runs(key: str, metric: str = "val/accuracy") -> pd.DataFrame:
    """Six seeds of two optimizers with a key that is null and with it."""
    rows = []
    for seed, noise in enumerate(np.random.default_rng(0).normal(0, 0.01, 6)):
        for optimizer in ("sgd", "adam"):
            for value in (None, "1"):
                score = 0.8 + 0.05 * (optimizer == "adam") + 0.02 * (value is not None) + noise
                rows.append({"optimizer": optimizer, key: value, "seed": seed, metric: score})
    return pd.DataFrame(rows)


def test_null_is_an_option_and_a_setting() -> None:
    table = runs("trainer.gradient_clip_val")
    comparison = compare(table, metric="val/accuracy")
    assert set(comparison.runs["setting"]) == {"gradient_clip_val=null", "gradient_clip_val=1"}
    by_clipping = compare(table, metric="val/accuracy", by="trainer.gradient_clip_val")
    assert set(by_clipping.runs["option"]) == {"gradient_clip_val=null", "gradient_clip_val=1"}
    assert swept(with_nulls(table), "optimizer") == ["trainer.gradient_clip_val"]


def test_a_key_that_options_do_not_have_stays_left_out() -> None:
    table = runs("optimizer.momentum")
    assert set(compare(table, metric="val/accuracy").runs["setting"]) == {"", "momentum=1"}


def test_losses_of_other_class_weights_are_said_not_to_be_comparable() -> None:
    said = [diagnostic.sentence for diagnostic in compare(runs("data.class_weights", "val/loss")).diagnostics]
    assert said[0].startswith("val/loss is weighted by data.class_weights, which was swept")
    accuracy = compare(runs("data.class_weights"), metric="val/accuracy").diagnostics
    assert not any("weighted" in diagnostic.sentence for diagnostic in accuracy)
