"""Draws docs/banknote.png, the two answers on the notebook's data: `python docs/banknote.py [banknote.csv]`.

Six optimizers with Keras' defaults × 21 learning rates from 1e-3 to 1e2 × 50 seeds. Left: all at 0.01, as in the
notebook. Right: at every rate. Without a file the data is fetched from OpenML.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import seedsweep
from seedsweep.comparison.compare import Comparison

ROOT = Path(__file__).parents[1]
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # told apart by colour-blind readers too
METRIC = "train/loss"  # as in the notebook


def sweep(folder: str, file: str | None) -> Comparison:
    rates = ",".join(f"{rate:.3g}" for rate in np.geomspace(1e-3, 1e2, 21))
    command = [sys.executable, str(ROOT / "train.py"), "-cd", str(ROOT / "sweeps"), "-cn", "notebook", "compare=false"]
    command += [f"optimizer.lr={rates}", "seed=range(0,50)", *([f"data.path={Path(file).resolve()}"] if file else [])]
    uri = f"sqlite:///{folder}/mlflow.db"
    subprocess.run(command, check=True, cwd=folder, env=os.environ | {"MLFLOW_TRACKING_URI": uri})
    return seedsweep.compare(seedsweep.load_runs("latest", uri), seedsweep.load_curves("latest", uri), metric=METRIC)


def draw(actual: Comparison) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.9), layout="constrained")
    order = next(pairwise for pairwise in actual.same if pairwise.name == "lr=0.01").table
    for colour, name in zip(COLOURS, order["option"], strict=True):
        label = name.removeprefix("keras_")
        style = "--" if name == "nesterov" else "-"  # it lies on momentum
        curve = actual.bands[(actual.bands["group"] == f"{name} lr=0.01") & (actual.bands["metric"] == METRIC)]
        left.plot(
            curve["epoch"] + 1, curve["mean"], style, color=colour, label=f"{label}  {curve['mean'].iloc[-1]:.2f}"
        )
        left.fill_between(curve["epoch"] + 1, curve["low"], curve["high"], color=colour, alpha=0.15, lw=0)
        rated = actual.groups[actual.groups["option"] == name]
        rate = rated["setting"].str.removeprefix("lr=").astype(float)
        right.plot(rate, rated["mean"], style, color=colour, label=f"{label}  {rated['mean'].min():.3f}")
        right.fill_between(rate, rated["mean_low"], rated["mean_high"], color=colour, alpha=0.15, lw=0)
    left.set(xlabel="epoch", ylabel="training loss (nats)", xticks=range(1, 6), ylim=(0, None))
    left.set_title("All at learning rate 0.01", loc="left")
    right.set(xlabel="learning rate", ylabel="training loss after five epochs", xscale="log", yscale="log")
    right.set_title("Each at every rate: the gaps vanish", loc="left")
    for axes, title in ((left, "after five epochs"), (right, "at its best")):
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize="small", title=title, loc="lower left" if axes is left else "upper center")
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=130)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        actual = sweep(folder, *sys.argv[1:2] or [None])
    draw(actual)
    with pd.option_context("display.width", 160, "display.max_columns", 20):
        for pairwise in [next(item for item in actual.same if item.name == "lr=0.01"), *actual.best]:
            shown = ["rank", "option", "setting", "mean", "mean_low", "mean_high", "sd", "selected", "optimism"]
            print(f"\n{pairwise.name}\n{pairwise.table[[name for name in shown if name in pairwise.table]]}")
    for verdict in actual.verdicts:
        print(f"{verdict.question} {verdict.name}: {verdict.sentence}")


if __name__ == "__main__":
    main()
