"""Which trials are confirmed, and what speaks against a winner."""

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution

from seedsweep.search.confirm import at_the_end, different


def test_winner_at_an_end_of_its_range_is_doubted() -> None:
    space = {"lr": FloatDistribution(1e-4, 1, log=True)}
    actual = [optuna.create_trial(params={"lr": rate}, distributions=space, value=0.0) for rate in (0.9, 0.5, 1e-4)]
    assert [len(at_the_end(trial)) for trial in actual] == [1, 0, 1]
    assert at_the_end(actual[0]) == ["the best lr, 0.9, is at an end of what was searched, 0.0001 to 1: widen it"]


def test_best_of_trials_that_are_alike_is_confirmed_for_all_of_them() -> None:
    space = {"lr": FloatDistribution(1e-4, 10, log=True), "kind": CategoricalDistribution(["a", "b"])}

    def trial(lr: float, kind: str, value: float) -> optuna.trial.FrozenTrial:
        return optuna.trial.create_trial(params={"lr": lr, "kind": kind}, distributions=space, value=value)

    ranked = [trial(1.0, "a", 0.1), trial(1.1, "a", 0.2), trial(1.1, "b", 0.3), trial(0.5, "a", 0.4)]
    assert different(ranked, 3) == [ranked[0], ranked[2], ranked[3]]
    assert different(ranked, 4) == [ranked[0], ranked[2], ranked[3], ranked[1]]
    assert different(ranked, 1) == [ranked[0]]
    assert different(ranked[:2], 5) == ranked[:2]
