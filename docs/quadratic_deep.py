"""Makes docs/quadratic_deep.md and its figure: DeepOBS' published curves against ours, from thirty seeds.

`python docs/quadratic_deep.py [STORE]` trains 180 runs in one or two minutes, into that store of MLflow's (such as
sqlite:///FILE.db) or into one that is thrown away.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import pandas as pd
import torch

import seedsweep
from seedsweep.problem.data_module import prepare
from seedsweep.problem.deepobs import DIMENSIONS, Points, Quadratic

HERE = Path(__file__).parent
EPOCHS = [1, 10, 100]
PUBLISHED = {  # test losses after these epochs
    "sgd": (105.445, 93.098, 87.5182),
    "momentum": (270.906, 134.142, 87.0250),
    "adam": (141.746, 94.686, 87.0675),
}
SETTINGS = {
    "sgd": ["optimizer.lr=1.5849e-2"],
    "momentum": ["optimizer.lr=2.5119e-3", "optimizer.momentum=0.99"],
    "adam": ["optimizer.lr=3.9811e-2"],
}
COMMON = ["data=quadratic_deep", "model=quadratic", "trainer.max_epochs=100", "trainer.reshuffle=true,false"]
SEEDS = 30
ORDERS = {False: "one order for all epochs", True: "a new order for every epoch"}
COLOURS = {"sgd": "#0072B2", "momentum": "#D55E00", "adam": "#009E73"}


def main() -> None:
    with TemporaryDirectory() as folder:
        store = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/mlflow.db"
        curves = pd.concat(train(optimizer, store) for optimizer in SETTINGS)
    start, least = limits()
    draw(curves, least)
    Path(__file__).with_suffix(".md").write_text(page(curves, start, least))


def train(optimizer: str, store: str) -> pd.DataFrame:
    """The test losses of an optimizer's runs: a row for each optimizer, order, seed and epoch, from 1."""
    words = [*COMMON, f"optimizer={optimizer}", *SETTINGS[optimizer], f"seed=range(0,{SEEDS})", f"tracking.uri={store}"]
    subprocess.run([sys.executable, HERE.parent / "train.py", "-m", *words], check=True)
    runs = seedsweep.load_runs("latest", store)
    curves = seedsweep.load_curves("latest", store).query("metric == 'val/loss'")  # on the test points
    curves = curves.merge(runs[["run", "optimizer", "trainer.reshuffle", "seed"]], on="run")
    return curves.assign(epoch=curves["epoch"] + 1).rename(columns={"trainer.reshuffle": "reshuffle"})


def limits() -> tuple[float, float]:
    """The test loss at the start, and the least that there is: at the mean of the test points."""
    (points,) = prepare(Points(name="points", batch_size=128, drop_last=True, standardize="none")).test.tensors
    net = Quadratic(DIMENSIONS)
    with torch.no_grad():
        start = net.loss(points).item()
        net.theta.copy_(points.mean(dim=0))
        return start, net.loss(points).item()


def draw(curves: pd.DataFrame, least: float) -> None:
    """Every run's curve, thin, under the mean; the published losses are dots."""
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.2), sharey=True, layout="constrained")
    for position, (reshuffle, order) in zip(axes, ORDERS.items(), strict=True):
        for optimizer, colour in COLOURS.items():
            of = curves[(curves["optimizer"] == optimizer) & (curves["reshuffle"] == reshuffle)]
            above = of.pivot(index="epoch", columns="seed", values="value") - least
            dots = [loss - least for loss in PUBLISHED[optimizer]]
            position.plot(above.index, above, color=colour, alpha=0.15, lw=0.6)
            position.plot(above.index, above.mean(axis=1), color=colour, lw=1.6, label=optimizer)
            position.plot(EPOCHS, dots, "o", mec="black", mfc=colour, ms=6, clip_on=False, zorder=3)
        position.set(xscale="log", yscale="log", xlabel="epoch", xticks=EPOCHS, xticklabels=EPOCHS)
        position.set_yticks(ticks := [0.1, 0.3, 1, 3, 10, 30, 100], labels=[f"{tick:g}" for tick in ticks])
        position.minorticks_off()
        position.spines[["top", "right"]].set_visible(False)
        position.set_title(order, loc="left")
    axes[0].set_ylabel(f"test loss − {least:.2f}, the least there is")
    axes[1].plot([], [], "o", mec="black", mfc="white", label="published")
    axes[1].legend(frameon=False, loc="lower left")
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=100)


PAGE = """# DeepOBS' quadratic problem, from thirty seeds

Made by `python docs/quadratic_deep.py`: 180 runs, one or two minutes on two cores.

[DeepOBS](https://github.com/fsschneider/DeepOBS) publishes the curves of SGD, momentum and Adam on a quadratic loss in
100 dimensions with the curvatures of a deep network: ninety between 0 and 1, ten between 30 and 60. Its data and its
start are fixed, so that a seed chooses nothing but the order of the points. Here is the problem again, with the
published learning rates (and momentum 0.99), batch size 128 and 100 epochs:

```
python train.py -m data=quadratic_deep model=quadratic trainer.max_epochs=100 trainer.reshuffle=false \\
    optimizer=momentum optimizer.momentum=0.99 optimizer.lr=2.5119e-3 'seed=range(0,30)'
```

Before the first step the test loss is {start:.4f}, as published (353.4468). After that:

{table}

Ours are means ± standard deviations over {seeds} seeds, of the test loss after that epoch. *Within* says that the
published loss lies between the least and the greatest of ours; beside it, how far it is from their mean.

![Test losses of all runs, in one order and reshuffled, with the published ones as dots](quadratic_deep.png)

## One order, or a new one for every epoch?

With one order of the points for all epochs (`trainer.reshuffle=false`), {fixed} of the {all} published losses are
within ours; with a new order for every epoch, {reshuffled}. So the published runs seem to have had one order each, and
DeepOBS' code says why: it sets TensorFlow's seed and starts the data's iterator anew for every epoch, which then
shuffles as it did before ([tensorflow#13446](https://github.com/tensorflow/tensorflow/issues/13446)). That is read from
the code; TensorFlow was not run here. Its orders are not PyTorch's, so that no seed of ours gives the published numbers
to the last digit; and how many runs are behind each of them we do not know.

It matters who wins. After 100 epochs, each seed's runs compared with each other:

{ranks}

One order drops the same {dropped} of the 1,000 points in every epoch, as the last minibatch is not full, and its noise
repeats itself. Momentum 0.99 averages over some hundred steps, which is many epochs of seven: there the noise of the
same minibatches, again and again, cancels, and that of new ones does not. That momentum comes first, as
published, holds for a fixed order of the data only.

## What is not as usual

- No classes, hence no accuracy: `model=quadratic` brings its own loss.
- The validation points are the test points, since no others are published, so that `val/loss` is the curve of the test
  loss. Nothing is chosen by it here; a choice made by it (a learning rate, say) would have no untouched points left to
  be tested on.
- An epoch is seven full minibatches, and of the test points 896 count (`data.drop_last=true`), as in DeepOBS.
- The least test loss there is, {least:.4f}, is that of the mean of the test points.
- Adam's eps, 1e-8, stands elsewhere in TensorFlow's formula; beside gradients of this size that is nothing.
"""


def page(curves: pd.DataFrame, start: float, least: float) -> str:
    last = curves[curves["epoch"] == EPOCHS[-1]]
    losses = compared(curves)
    within = losses.groupby("reshuffle")["within"].sum()
    return PAGE.format(
        start=start,
        least=least,
        table=table(losses),
        seeds=SEEDS,
        ranks=ranks(last),
        all=len(PUBLISHED) * len(EPOCHS),
        dropped=1000 % 128,
        fixed=within[False],
        reshuffled=within[True],
    )


def ranks(last: pd.DataFrame) -> str:
    """How often each optimizer was the first, and the last, of its seed's."""
    lines = ["| | first | last |", "|---|---|---|"]
    for reshuffle, order in ORDERS.items():
        losses = last[last["reshuffle"] == reshuffle].pivot(index="seed", columns="optimizer", values="value")
        cells = [
            ", ".join(f"{name} {count}" for name, count in names.value_counts().items())
            for names in (losses.idxmin(axis=1), losses.idxmax(axis=1))
        ]
        lines.append(f"| {order} | {' | '.join(cells)} |")
    return "\n".join(lines)


def compared(curves: pd.DataFrame) -> pd.DataFrame:
    """A row for each published loss and order: ours, whether it is among them, and how far from their mean, in sd."""
    groups = curves.groupby(["optimizer", "epoch", "reshuffle"])["value"]
    rows = []
    for optimizer, losses in PUBLISHED.items():
        for epoch, published in zip(EPOCHS, losses, strict=True):
            for reshuffle in ORDERS:
                ours = groups.get_group((optimizer, epoch, reshuffle))
                within, away = ours.min() <= published <= ours.max(), (published - ours.mean()) / ours.std()
                rows.append((optimizer, epoch, published, reshuffle, ours.mean(), ours.std(), within, away))
    names = ["optimizer", "epoch", "published", "reshuffle", "mean", "sd", "within", "away"]
    return pd.DataFrame(rows, columns=names)


def table(losses: pd.DataFrame) -> str:
    """Published and ours, side by side."""
    lines = ["| | epoch | published | one order | | reshuffled | |", "|---|---:|---:|---:|---|---:|---|"]
    for (optimizer, epoch, published), orders in losses.groupby(["optimizer", "epoch", "published"], sort=False):
        cells = [str(optimizer), str(epoch), f"{published:.3f}"]
        for row in orders.itertuples():
            actual = "within" if row.within else "**outside**"
            cells += [f"{row.mean:.3f} ± {row.sd:.3f}", f"{actual}, {row.away:+.1f} sd"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
