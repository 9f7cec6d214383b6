"""What it takes to reach a target: steps and rows in both engines, seconds of runs that train alone."""

import math
from typing import Any

import pytest
from shared.commands import config

import seedsweep
from seedsweep.config.completeness import resolve
from seedsweep.engine.built_run import build
from seedsweep.engine.fleet.assemble import assemble
from seedsweep.engine.fleet.grouping import group
from seedsweep.engine.fleet.trainer import train
from seedsweep.errors import ConfigError
from seedsweep.outcomes import EXAMPLES_TO_TARGET, SECONDS_TO_TARGET, STEPS_TO_TARGET, Point, objective

USUAL = ("tracking=none", "trainer.max_epochs=8", "trainer.target.value=0.2", "optimizer=adam")
RATES = (0.001, 0.03, 0.3)


def resolved(*words: str) -> Any:
    return resolve(config(*USUAL, *words))


def to_target(points: list[Point]) -> dict[str, float]:
    return {point.metric: point.value for point in points if point.metric.endswith("_to_target")}


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("trainer.target.monitor=train/loss",),
        ("trainer.target.monitor=val/accuracy", "trainer.target.value=0.95"),
        ("metrics=[f1]", "trainer.target.monitor=val/f1", "trainer.target.value=0.96"),
        ("trainer.early_stopping.patience=1",),
        ("data.drop_last=true", "data.batch_size=50"),
    ],
    ids=" ".join,
)
def test_a_fleet_counts_what_the_reference_engine_counts(words: tuple[str, ...]) -> None:
    configs = [resolved(*words, f"optimizer.lr={rate}") for rate in RATES]
    together = train(assemble(configs))
    counted = [to_target(together.points(member)) for member in range(len(RATES))]
    for member, one in enumerate(configs):
        alone = to_target(build(one).train().points)
        assert alone.pop(SECONDS_TO_TARGET) > 0
        assert alone == counted[member]
    assert len({counts[STEPS_TO_TARGET] for counts in counted}) > 1, "the members do not all need as long"


def test_the_first_epoch_that_is_good_enough_counts_and_a_run_without_one_needs_for_ever() -> None:
    points = build(resolved("optimizer.lr=0.03")).train().points
    losses = [(point.step, point.value) for point in points if point.metric == "val/loss"]
    expected = next(step for step, loss in losses if loss <= 0.2)
    counts = to_target(points)
    assert counts[STEPS_TO_TARGET] == expected
    assert counts[EXAMPLES_TO_TARGET] == expected / 25 * 398, "25 minibatches hold the 398 training rows"
    assert to_target(build(resolved("optimizer.lr=0.0001")).train().points)[STEPS_TO_TARGET] == math.inf


def test_what_lightning_validates_before_the_first_step_is_no_epoch() -> None:
    words = ("metrics=[f1]", "trainer.target.monitor=val/f1", "trainer.target.value=0.96")
    usual, checked = (
        build(resolved(*words, f"+trainer.num_sanity_val_steps={steps}")).train().points for steps in (0, 2)
    )
    of_metrics = [[point for point in points if "seconds" not in point.metric] for points in (usual, checked)]
    assert of_metrics[0] == of_metrics[1]


def test_a_run_that_diverges_counts_nothing() -> None:
    result = build(resolved("trainer.divergence_threshold=0.01")).train()
    assert result.outcome == "diverged"
    assert not to_target(result.points)
    assert objective(result, STEPS_TO_TARGET, "last") == math.inf


def test_runs_that_are_judged_by_seconds_train_alone() -> None:
    _, alone = group([resolved(f"objective.metric={SECONDS_TO_TARGET}"), resolved()], [])
    assert alone == {0: "seconds_to_target are those of runs that train alone"}


def test_what_missed_its_target_is_said_to_and_is_the_worst(uri: str) -> None:
    words = (
        f"tracking.uri={uri}",
        "trainer.max_epochs=6",
        "trainer.target.value=0.15",
        "objective.metric=steps_to_target",
    )
    results = seedsweep.sweep(*words, optimizer=["sgd", "adam"], lr=[0.001, 0.3], seeds=6)
    assert (results.runs["outcome"] == "finished").all()
    steps = results.runs.set_index(["optimizer", "optimizer.lr"])[STEPS_TO_TARGET]
    assert (steps.xs(0.001, level="optimizer.lr") == math.inf).all()
    assert (steps.xs(0.3, level="optimizer.lr") < math.inf).all()
    comparison = results.compare()
    assert "lr=0.001: all runs missed the target" in str(comparison)
    (first, *_) = comparison.diagnostics
    assert (
        "adam wins at lr=0.3 and misses the target at one of its two rates (lr=0.001 in all 6 runs)" in first.sentence
    )
    assert "diverge" not in str(comparison) + " ".join(diagnostic.sentence for diagnostic in comparison.diagnostics)


WRONG = {
    "trainer.target=0.1": "trainer.target=0.1: must be a group of keys: trainer.target.value=0.1",
    "trainer.target.value=low": "trainer.target.value=low: must be a number",
    "trainer.target.value=true": "trainer.target.value=True: must be a number",
    "trainer.target.monitor=val/f1": "trainer.target.monitor=val/f1: must be one of .*val/accuracy",
    "trainer.target.monitor=test/loss": "trainer.target.monitor=test/loss: must be one of",
    "trainer.target.mode=up": "trainer.target.mode=up: must be one of min, max",
    "+trainer.target.patience=1": "trainer.target.patience=1: ",
    "trainer.target.value=null objective.metric=steps_to_target": "steps_to_target: is measured only with",
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_target_is_refused_with_what_is_allowed(words: str) -> None:
    with pytest.raises(ConfigError, match=WRONG[words]):
        seedsweep.run(config(*USUAL, *words.split()))
