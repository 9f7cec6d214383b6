"""What may be asked of runs."""

from typing import Any

import pytest
from shared.scores import runs

from seedsweep.comparison.compare import compare
from seedsweep.errors import ConfigError


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"metric": "val/foo"}, "metric=val/foo: was not logged by these runs; there are test/loss, val/loss"),
        ({"by": "foo"}, "by=foo: must be a param of the runs: optimizer, optimizer.lr"),
        ({"at": ["foo"]}, "at=foo: must be a param of the runs"),
        ({"at": []}, "two runs of sgd have the seed 0; name all params that they differ in"),
        ({"select": "first"}, "select=first: must be one of last, best, auc"),
        ({"select": "auc"}, "select=auc: needs the curves of the runs"),
        ({"baseline": "foo"}, "baseline=foo: must be one of adam, sgd"),
        ({"at": "foo"}, "at=foo: must be a param of the runs"),
        ({"metric": None}, "metric=null: must be a name"),
        ({"margin": -0.1}, "margin=-0.1: must be a fraction of the leader's mean"),
        ({"by": "seed"}, "by=seed: tells the replicates apart"),
        ({"metrics": "val/loss"}, "metrics=val/loss: there is no key metrics; did you mean metric"),
        ({"colour": "red"}, "colour=red: there is no key colour; there are metric, direction, select, by"),
        ({"direction": "min"}, "must be one of minimize, maximize; did you mean minimize"),
        ({"target": "low"}, "target=low: must be a number"),
        ({"confidence": 95}, "confidence=95: must be at least 0.5 and less than 1"),
    ],
)
def test_wrong_questions_are_refused(question: dict[str, Any], message: str) -> None:
    table = runs({("sgd", 0.1): 1.0, ("sgd", 1.0): 1.0, ("adam", 0.1): 0.5})
    with pytest.raises(ConfigError) as error:
        compare(table, **question)
    assert message in str(error.value)
