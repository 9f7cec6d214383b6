"""The pruner that compares runs with the same seeds."""

import math

import numpy as np
import optuna
from optuna.distributions import FloatDistribution
from optuna.trial import create_trial

from seedsweep.search.wilcoxon import SEEDS, WilcoxonSeedsPruner


def test_wilcoxon_gives_up_what_is_worse_over_the_same_seeds() -> None:
    study = optuna.create_study(pruner=WilcoxonSeedsPruner(n_startup_trials=1))
    seeds = np.arange(5.0)
    space = {"x": FloatDistribution(0, 1)}
    best = create_trial(params={"x": 0.5}, distributions=space, value=2.0, user_attrs={f"{SEEDS}1": list(seeds)})

    def gives_up(values: np.ndarray) -> bool:
        trial = study.ask()
        trial.set_user_attr(f"{SEEDS}1", values.tolist())
        trial.report(float(values.mean()), 1)
        return trial.should_prune()

    assert not gives_up(seeds + 1)  # there is nothing to compare with
    study.add_trial(best)
    assert gives_up(seeds + 0.1)  # worse with each of five seeds: p = 1/32
    assert gives_up(np.array([1, 2, math.inf, math.inf, 5]))
    assert not gives_up(seeds - 0.1)
    assert not gives_up(seeds)
    assert not gives_up(seeds + np.array([1, -2, 3, -4, 5]))
    assert not gives_up((seeds + 1)[:3])  # other seeds
