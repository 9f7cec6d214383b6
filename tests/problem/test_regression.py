"""Rows with numbers to predict: how they are recognised, standardised and learned; and classes that weigh more."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from shared.commands import config
from sklearn.utils.class_weight import compute_class_weight
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

import seedsweep
from seedsweep.config.completeness import resolve
from seedsweep.engine.fleet.assemble import assemble
from seedsweep.engine.fleet.trainer import train
from seedsweep.engine.validation import check
from seedsweep.errors import ConfigError
from seedsweep.problem.datasets import ScikitLearn, log
from seedsweep.problem.files import File
from seedsweep.problem.losses import of_classes
from seedsweep.problem.splits import prepare

ROWS = 40


def table(folder: Path, target: object, **options: object) -> File:
    pd.DataFrame({"x": range(ROWS), "y": target}).to_csv(folder / "t.csv", index=False)
    return File(name="t", path=str(folder / "t.csv"), target="y", **options)  # type: ignore[arg-type]


def test_a_target_with_fractions_is_a_regression_and_is_said_to_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "disabled", False)  # as Hydra's configuration of logging may have left it
    with caplog.at_level(logging.WARNING):
        splits = prepare(table(tmp_path, np.arange(ROWS) / 4))
    assert splits.is_regression
    assert not splits.classes
    assert "y holds continuous numbers: a regression (data.task=regression)" in caplog.text


def test_class_weights_by_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="data.class_weights=.*: must be a list, of a number for each class"):
        check(resolve(config("tracking=none", "data.class_weights={benign:3}")))


def test_what_was_made_of_the_rows_of_a_file_is_made_again_where_the_file_has_changed(tmp_path: Path) -> None:
    words = (
        "data.task=regression",
        "tracking=none",
        "data=table",
        f"data.path={tmp_path / 't.csv'}",
        "data.target=y",
        "trainer.max_epochs=1",
    )
    squared = []
    for unit in (1, 1000):
        table(tmp_path, unit * (np.arange(ROWS) + 0.5))
        run = resolve(config(*words, "model=linear_regression"))
        check(run)
        squared += [point.value for point in train(assemble([run])).points(0) if point.metric == "val/mse"]
    assert squared[1] == pytest.approx(1e6 * squared[0], rel=1e-3), "in the units of each"


def test_integers_are_classes_unless_they_are_said_to_be_numbers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    numbers = [0, 1] * (ROWS // 2)
    assert prepare(table(tmp_path, numbers)).classes == ("0", "1")
    assert prepare(table(tmp_path, numbers, task="regression")).is_regression
    assert not caplog.text, "what was asked for needs no word"


def test_the_target_of_a_regression_is_standardised_over_its_training_rows(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(1000, 50, ROWS)
    dataset = table(tmp_path, values)
    splits, split = prepare(dataset), dataset.read().split
    mean, scale = splits.target_scaling
    assert (mean, scale) == pytest.approx((values[split[0]].mean(), values[split[0]].std()))
    for rows, part in zip(split, (splits.train, splits.val, splits.test), strict=True):
        assert (part.tensors[1].double() * scale + mean).tolist() == pytest.approx(values[rows], rel=1e-6)
    assert prepare(table(tmp_path, values, standardize="none")).target_scaling == (0.0, 1.0)


def test_sweeping_a_linear_regression_comes_near_the_least_squares_and_predicts_in_its_own_units(uri: str) -> None:
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import LinearRegression
    from sklearn.metrics import r2_score

    words = (f"tracking.uri={uri}", "trainer.max_epochs=40", "optimizer.lr=0.01", "data=diabetes")
    results = seedsweep.sweep(*words, model="linear_regression", optimizer="sgd", seeds=2)
    assert {"val/mse", "val/mae", "val/r2", "test/r2", "train/mae"} <= set(results.runs)
    x, y = load_diabetes(return_X_y=True)
    train, _, test = ScikitLearn(name="d", loader="diabetes", task="regression").read().split
    best = r2_score(y[test], LinearRegression().fit(x[train], y[train]).predict(x[test]))
    assert results.runs["test/r2"].to_numpy() == pytest.approx(best, abs=0.03)
    predictions = results.model()(torch.from_numpy(x[test]).float()).detach().numpy()
    assert r2_score(y[test], predictions) == pytest.approx(best, abs=0.03)


WRONG = {
    "data.task=clustering": "data.task=clustering: must be one of classification, regression",
    "data.task=regression data.class_weights=balanced": "data.class_weights=balanced: is for classes, and this",
    "data.task=regression data.positive_class=1": "data.positive_class=1: is for classes",
    "data.task=classification data.target=x": "data.target=x: holds continuous numbers, and no classes; choose data",
    "data.task=regression data.target=kind": "data.target=kind: .*row 1 is 'a'. Mend the file, or choose data",
    "data.task=regression data.target=same": "data.target=same: is 3 in all rows",
    "data.target=many": "40 rows are too few .* if the target is a number, choose data.task=regression",
    "data.target=x": "model=logistic_regression: needs classes, and the data is a regression; choose model=linear_regr",
    "data.target=x model=softmax_regression": "model=softmax_regression: needs classes, and the data is a regression",
    "data.target=kind model=linear_regression": "model=linear_regression: needs numbers to predict, and the data has 2",
    "data.target=kind data.class_weights=[1]": "data.class_weights=.*: must be balanced, null, or 2 numbers, for",
    "data.target=kind data.class_weights=[1,-1]": "data.class_weights=-1: ",
    "data.target=kind data.class_weights=even": "data.class_weights=even: must be balanced",
    "data.target=x model._target_=shared.own_modules.Column ~model.init": "must give predictions .n,.",
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_task_or_weight_is_refused_with_what_is_allowed(tmp_path: Path, words: str) -> None:
    steps = np.arange(ROWS)
    frame = pd.DataFrame({"x": steps / 3, "kind": ["a", "b"] * (ROWS // 2), "same": 3, "many": steps, "z": steps % 7})
    frame.to_csv(tmp_path / "t.csv", index=False)
    given = ["data=table", f"data.path={tmp_path}/t.csv", "data.target=z", "data.features=[z]", "tracking=none"]
    if "data.target" in words:
        given.remove("data.target=z")
    else:
        given[3] = "data.features=[x]"
    with pytest.raises(ConfigError, match=WRONG[words]):
        seedsweep.run(config(*given, *words.split()))


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    splits = prepare(ScikitLearn(name="wine", loader="wine", class_weights="balanced"))
    target = splits.train.tensors[1].numpy()
    expected = compute_class_weight("balanced", classes=np.arange(3), y=target)
    assert splits.class_weights is not None
    assert splits.class_weights.tolist() == pytest.approx(expected)


def test_a_weighted_loss_is_that_of_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    weights, target = torch.tensor([0.5, 1.0, 3.0]), torch.randint(0, 3, (20,), generator=generator)
    logits = torch.randn(20, 3, generator=generator)
    assert of_classes(logits, target, weights)["loss"] == pytest.approx(cross_entropy(logits, target, weights).item())
    two, logit = target % 2, logits[:, 0]
    of_rows = weights[:2][two]
    expected = binary_cross_entropy_with_logits(logit, two.float(), of_rows, reduction="sum") / of_rows.sum()
    assert of_classes(logit, two, weights[:2])["loss"] == pytest.approx(expected.item())


def test_suboptimality_is_refused_where_classes_weigh_differently() -> None:
    with pytest.raises(
        ConfigError, match="trainer.suboptimality=true: is of the loss in which all rows weigh the same"
    ):
        seedsweep.run(config("tracking=none", "trainer.suboptimality=true", "data.class_weights=balanced"))
