"""Metrics of all rows of a split: those of scikit-learn, of many runs at once as of each alone."""

import numpy as np
import pytest
import torch
from shared.commands import config
from sklearn import metrics as trusted

from seedsweep.errors import ConfigError
from seedsweep.problem.datasets import ScikitLearn
from seedsweep.problem.epoch_metrics import CLASSIFICATION, REGRESSION, epoch_metrics
from seedsweep.problem.splits import Splits, prepare

RUNS, ROWS = 5, 70
OF_ONE_CLASS = ("f1", "precision", "recall", "jaccard")
OF_LABELS = {
    "balanced_accuracy": trusted.balanced_accuracy_score,
    "cohen_kappa": trusted.cohen_kappa_score,
    "matthews_corrcoef": trusted.matthews_corrcoef,
}
TOP_2 = {"_target_": "torchmetrics.classification.MulticlassAccuracy", "num_classes": 3, "top_k": 2, "average": "micro"}


def splits(loader: str) -> Splits:
    return prepare(ScikitLearn(name=loader, loader=loader, task="regression" if loader == "diabetes" else None))


def made_up(classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs of runs and targets, of which the rows have another order in each run."""
    generator = torch.Generator().manual_seed(classes)
    shape = (RUNS, ROWS, classes) if classes > 2 else (RUNS, ROWS)
    outputs = 3 * torch.randn(shape, generator=generator)
    if not classes:
        return outputs, torch.randn(RUNS, ROWS, generator=generator)
    return outputs, torch.randint(0, classes, (RUNS, ROWS), generator=generator)


def expected_of_two(name: str, outputs: np.ndarray, target: np.ndarray) -> float:
    labels, scores = outputs > 0, 1 / (1 + np.exp(-outputs))
    if name in OF_LABELS:
        return float(OF_LABELS[name](target, labels))
    if name in OF_ONE_CLASS:
        return float(getattr(trusted, f"{name}_score")(target, labels))
    if name == "specificity":
        return float(trusted.recall_score(target, labels, pos_label=0))
    of_scores = {"auroc": trusted.roc_auc_score, "average_precision": trusted.average_precision_score}
    return float(of_scores[name](target, scores))


def expected_of_three(name: str, outputs: np.ndarray, target: np.ndarray) -> float:
    labels = outputs.argmax(axis=1)
    scores = torch.from_numpy(outputs).softmax(dim=1).numpy()
    if name in OF_ONE_CLASS:
        return float(getattr(trusted, f"{name}_score")(target, labels, average="macro"))
    if name == "specificity":
        return float(np.mean([trusted.recall_score(target == k, labels == k, pos_label=0) for k in range(3)]))
    if name == "auroc":
        return float(trusted.roc_auc_score(target, scores, multi_class="ovr"))
    if name == "average_precision":
        return float(trusted.average_precision_score(np.eye(3)[target], scores))
    return float(OF_LABELS[name](target, labels))


BY_SKLEARN = [name for name in CLASSIFICATION if name != "calibration_error"]


@pytest.mark.parametrize("name", BY_SKLEARN)
def test_metrics_of_two_classes_are_those_of_scikit_learn(name: str) -> None:
    outputs, targets = made_up(2)
    (values,) = epoch_metrics([name], splits("breast_cancer")).values(outputs, targets).values()
    expected = [expected_of_two(name, *pair) for pair in zip(outputs.double().numpy(), targets.numpy(), strict=True)]
    assert values.tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", BY_SKLEARN)
def test_metrics_of_three_classes_are_the_means_over_classes_of_scikit_learn(name: str) -> None:
    outputs, targets = made_up(3)
    (values,) = epoch_metrics([name], splits("iris")).values(outputs, targets).values()
    expected = [expected_of_three(name, *pair) for pair in zip(outputs.double().numpy(), targets.numpy(), strict=True)]
    assert values.tolist() == pytest.approx(expected, abs=1e-6)


def test_balanced_accuracy_is_over_the_classes_that_the_rows_have() -> None:
    outputs, targets = made_up(3)
    targets = targets.clamp(max=1)
    values = epoch_metrics(["balanced_accuracy"], splits("iris")).values(outputs, targets)["balanced_accuracy"]
    recalls = zip(targets.numpy(), outputs.argmax(dim=2).numpy(), strict=True)
    expected = [trusted.recall_score(*of_run, average="macro", labels=[0, 1]) for of_run in recalls]
    assert values.tolist() == pytest.approx(expected, abs=1e-6)


def test_two_logits_of_two_classes_are_scored_as_their_difference() -> None:
    outputs, targets = made_up(2)
    asked = epoch_metrics(list(CLASSIFICATION), splits("breast_cancer"))
    both = torch.stack([torch.zeros_like(outputs), outputs], dim=-1)
    one, two = asked.values(outputs, targets), asked.values(both, targets)
    assert all(torch.allclose(one[name], two[name]) for name in CLASSIFICATION)


def test_metrics_of_a_regression_are_those_of_scikit_learn_in_the_units_of_its_target() -> None:
    outputs, targets = made_up(0)
    data = splits("diabetes")
    mean, scale = data.target_scaling
    values = epoch_metrics(list(REGRESSION), data).values(outputs, targets)
    by_name = {
        "mse": trusted.mean_squared_error,
        "mae": trusted.mean_absolute_error,
        "rmse": trusted.root_mean_squared_error,
        "r2": trusted.r2_score,
        "explained_variance": trusted.explained_variance_score,
    }
    for name, score in by_name.items():
        pairs = zip(targets.double() * scale + mean, outputs.double() * scale + mean, strict=True)
        assert values[name].tolist() == pytest.approx([score(*pair) for pair in pairs], rel=1e-9), name


@pytest.mark.parametrize(("classes", "loader"), [(0, "diabetes"), (2, "breast_cancer"), (3, "iris")])
def test_no_bit_of_a_runs_metrics_depends_on_the_other_runs(classes: int, loader: str) -> None:
    outputs, targets = made_up(classes)
    asked = epoch_metrics(list(CLASSIFICATION if classes else REGRESSION), splits(loader))
    together = asked.values(outputs, targets)
    for member in range(RUNS):
        alone = asked.values(outputs[[member]], targets[[member]])
        assert all(torch.equal(alone[name], together[name][[member]]) for name in asked.computes)


def test_a_metric_of_torchmetrics_own_classes_is_taken_by_its_target() -> None:
    outputs, targets = made_up(3)
    asked = epoch_metrics([TOP_2 | {"name": "top2_accuracy"}, TOP_2], splits("iris"))
    assert list(asked.computes) == ["top2_accuracy", "multiclass_accuracy"]
    labels = np.arange(3)
    expected = [
        trusted.top_k_accuracy_score(target, output, k=2, labels=labels)
        for target, output in zip(targets.numpy(), outputs.numpy(), strict=True)
    ]
    assert asked.values(outputs, targets)["top2_accuracy"].tolist() == pytest.approx(expected, abs=1e-6)


def test_the_usual_metrics_are_those_of_a_regression_and_none_besides_loss_and_accuracy_of_classes() -> None:
    assert list(epoch_metrics(None, splits("diabetes")).computes) == ["mse", "mae", "r2"]
    assert not epoch_metrics(None, splits("iris")).computes
    assert not epoch_metrics(["loss", "accuracy"], splits("iris")).computes, "which are measured anyway"


WRONG = {
    "metrics=[f2]": "metrics=f2: must be one of .*f1",
    "metrics=[r2]": "metrics=r2: must be one of .*auroc",
    "metrics={name:f1}": "metrics=.*: must be a list of metrics, such as",
    "metrics=[f1,f1]": "metrics=f1: is named twice",
    "metrics=[{name:a}]": "must be a name, or have the _target_",
    "metrics=[{_target_:torch.nn.ReLU}]": "must make a torchmetrics.metric.Metric",
    "metrics=[{_target_:torchmetrics.MeanSquaredError,name:a/b}]": "metrics.name=a/b: must be of letters",
    "metrics=[{_target_:torchmetrics.MeanSquaredError,name:loss}]": "metrics.name=loss: is the name of another curve",
    "metrics=[{_target_:shared.own_modules.Growing}]": "metrics=growing: keeps something after its reset",
    "metrics=[{_target_:torchmetrics.AUROC,task:multiclass,num_classes:5}]": "metrics=multiclass_auroc: has no value",
    "data=diabetes model=mlp metrics=[accuracy]": "metrics=accuracy: must be one of mse",
    "data=quadratic_deep model=quadratic metrics=[f1]": "metrics=.*: are of a network's logits",
    "objective.metric=val/f1": r"objective.metric=val/f1: is measured only if it is asked for: metrics=\[f1\]",
    "data=diabetes model=mlp metrics=[mae] objective.metric=val/r2": "is measured only if it is asked for",
    "data=diabetes model=mlp objective.metric=val/f1": "objective.metric=val/f1: must be one of .*val/mse",
    "metrics=[{_target_:shared.own_modules.Hits}] objective.metric=val/hits": "val/hits: is it better when larger or",
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_metrics_are_refused_with_what_there_is(words: str) -> None:
    import seedsweep

    with pytest.raises(ConfigError, match=WRONG[words]):
        seedsweep.run(config("tracking=none", *words.split()))


def test_a_class_that_says_which_way_is_better_is_named_so_that_its_name_says_it() -> None:
    targets = ("Hits", "Concordance")
    asked = epoch_metrics([{"_target_": f"shared.own_modules.{name}"} for name in targets], splits("breast_cancer"))
    assert list(asked.computes) == ["hits", "concordance_score"]
