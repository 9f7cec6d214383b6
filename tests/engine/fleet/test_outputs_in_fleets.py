"""Regressions, weighted classes and metrics of all rows: a fleet's curves are those of the reference engine."""

import pytest
from shared.commands import config

from seedsweep.config.completeness import resolve
from seedsweep.engine.built_run import build
from seedsweep.engine.fleet.assemble import assemble, refuse_model
from seedsweep.engine.fleet.trainer import train
from seedsweep.outcomes import objective
from seedsweep.problem.epoch_metrics import CLASSIFICATION, REGRESSION

TOP_2 = "{_target_:torchmetrics.classification.MulticlassAccuracy,num_classes:3,top_k:2,name:top2_accuracy}"
CASES = {
    "a regression": ("data=diabetes", "model=mlp", f"metrics=[{','.join(REGRESSION)}]"),
    "two classes": ("data.class_weights=balanced", f"metrics=[{','.join(CLASSIFICATION)}]"),
    "three classes": ("data=iris", "model=softmax_regression", f"metrics=[{','.join(CLASSIFICATION)},{TOP_2}]"),
    "given weights": ("data=iris", "model=mlp", "data.class_weights=[1,2,3]", "data.drop_last=true"),
    "who diverges": ("data=diabetes", "model=linear_regression", "trainer.divergence_threshold=5"),
    "all diverge, who may stop": (
        *("metrics=[f1]", "trainer.divergence_threshold=0.01", "trainer.early_stopping.patience=1"),
        *("trainer.early_stopping.monitor=val/f1", "trainer.target.value=0.9", "trainer.target.monitor=val/f1"),
    ),
    "who stops early": ("metrics=[f1]", "trainer.early_stopping.patience=1", "trainer.early_stopping.monitor=val/f1"),
}
MEMBERS = [(seed, rate) for seed in (0, 1) for rate in (0.03, 0.9)]


@pytest.mark.parametrize("words", CASES.values(), ids=CASES)
def test_fleet_curves_equal_reference(words: tuple[str, ...]) -> None:
    usual = ("tracking=none", "trainer.precision=64-true", "trainer.max_epochs=4", "data.batch_size=32", *words)
    configs = [resolve(config(*usual, f"seed={seed}", f"optimizer.lr={rate}")) for seed, rate in MEMBERS]
    assert refuse_model(configs[0]) is None
    together, second = train(assemble(configs)), train(assemble(configs[1:2]))
    assert second.points(0) == together.points(1), "whoever else is in the fleet"
    for member, one in enumerate(configs):
        alone = build(one).train()
        assert alone.outcome == together.outcomes[member]
        values = {point[:3]: point.value for point in together.points(member)}
        assert values == pytest.approx({point[:3]: point.value for point in alone.points}, rel=1e-6, abs=1e-9)
        assert len(together.points(member)) == len(alone.points)


def test_a_metric_of_all_rows_can_be_the_objective() -> None:
    one = resolve(config("tracking=none", "metrics=[f1]", "objective.metric=test/f1"))
    value = objective(build(one).train(), "test/f1", "last")
    assert 0.5 < value <= 1
