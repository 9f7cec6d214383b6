"""The course notebook's finding, by its own sweep."""

from collections.abc import Callable

from shared.commands import BANKNOTE, ROOT, Ended, needs_banknote

import seedsweep

# Means of the final training loss over 1,000 seeds, with the notebook's split and Keras' defaults.
PUBLISHED = {"keras_rmsprop": 0.154, "keras_adam": 0.222, "momentum": 0.396, "nesterov": 0.396, "sgd": 0.452}
PUBLISHED |= {"keras_adagrad": 0.659}
SD = {"keras_rmsprop": 0.028, "keras_adam": 0.054, "momentum": 0.066, "nesterov": 0.066, "sgd": 0.081}
SD |= {"keras_adagrad": 0.212}


@needs_banknote
def test_notebook_sweep_gives_the_published_order(train: Callable[..., Ended], uri: str) -> None:
    ended = train(
        "-cd", str(ROOT / "sweeps"), "-cn", "notebook", f"data.path={BANKNOTE}", "data.name=banknote", "seed=range(0,6)"
    )
    assert ended.code == 0
    runs = seedsweep.load_runs("latest")
    assert len(runs) == 36
    means = runs.groupby("optimizer")["train/loss"].mean()
    order = means.drop("nesterov").sort_values().index.tolist()
    assert order == ["keras_rmsprop", "keras_adam", "momentum", "sgd", "keras_adagrad"]
    assert abs(means["momentum"] - means["nesterov"]) < 0.002
    for name, mean in PUBLISHED.items():  # six seeds: four standard errors
        assert abs(means[name] - mean) < 4 * SD[name] / 6**0.5, name
