"""Draws docs/architectures.png, six optimizers on four kinds of network: `python docs/architectures.py [sqlite:///STORE]`.

Of the newest sweep in the store, or of one that `sweeps/architectures.yaml` makes; prints what each network's runs say.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import seedsweep
from seedsweep.comparison.compare import Comparison

ROOT = Path(__file__).parents[1]
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # told apart by colour-blind readers too
NETWORKS = ("softmax_regression", "mlp", "cnn", "rnn")
OPTIMIZERS = ("adam", "rmsprop", "adagrad", "momentum", "nesterov", "sgd")


def compared(uri: str) -> dict[str, Comparison]:
    """The comparison of each network's runs."""
    runs, curves = seedsweep.load_runs("latest", uri), seedsweep.load_curves("latest", uri)
    comparisons = {}
    for network in NETWORKS:
        of_network = runs[runs["model"] == network]
        comparisons[network] = seedsweep.compare(of_network, curves[curves["run"].isin(of_network["run"])])
    return comparisons


def draw(comparisons: dict[str, Comparison]) -> None:
    figure, panels = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained", sharey=True)
    for axes, (network, actual) in zip(panels, comparisons.items(), strict=True):
        for colour, name in zip(COLOURS, OPTIMIZERS, strict=True):
            rated = actual.groups[actual.groups["option"] == name].copy()
            rated["rate"] = rated["setting"].str.removeprefix("lr=").astype(float)
            rated = rated.sort_values("rate")
            style = "--" if name == "nesterov" else "-"  # it lies on momentum
            axes.plot(rated["rate"], rated["mean"], style, color=colour, label=name)
            axes.fill_between(rated["rate"], rated["mean_low"], rated["mean_high"], color=colour, alpha=0.15, lw=0)
        axes.set(xlabel="learning rate", xscale="log", yscale="log", ylim=(0.15, 4))
        axes.set_yticks((0.2, 0.5, 1, 2, 4), labels=("0.2", "0.5", "1", "2", "4"))
        axes.minorticks_off()
        axes.set_title(network, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("validation loss after ten epochs (nats)")
    panels[0].legend(frameon=False, fontsize="small")
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        uri = sys.argv[1] if sys.argv[1:] else f"sqlite:///{folder}/mlflow.db"
        if not sys.argv[1:]:
            command = [sys.executable, str(ROOT / "train.py"), "-cn", "architectures", "compare=null"]
            subprocess.run(command, check=True, cwd=folder, env=os.environ | {"MLFLOW_TRACKING_URI": uri})
        comparisons = compared(uri)
    draw(comparisons)
    for network, actual in comparisons.items():
        print(f"\n{network}\n{actual}")


if __name__ == "__main__":
    main()
