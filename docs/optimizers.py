"""Draws docs/optimizers.png from the latest sweep: after `make sweep`, `python docs/optimizers.py`."""

from pathlib import Path

import matplotlib.pyplot as plt

import seedsweep

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # told apart by colour-blind readers too


def main() -> None:
    runs = seedsweep.load_runs("latest").set_index("run")
    curves = seedsweep.load_curves("latest").query("metric == 'val/loss'")
    curves = curves.assign(optimizer=curves["run"].map(runs["optimizer"]))
    seeds = runs["seed"].nunique()
    figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
    last = curves[curves["step"] == curves["step"].max()].groupby("optimizer")["value"].mean()
    for colour, name in zip(COLOURS, last.sort_values(ascending=False).index, strict=False):
        values = curves[curves["optimizer"] == name].groupby(curves["epoch"] + 1)["value"].agg(["mean", "std"])
        style = "--" if name == "nesterov" else "-"  # it lies on momentum
        axes.plot(values.index, values["mean"], style, color=colour, label=f"{name}  {values['mean'].iloc[-1]:.2f}")
        axes.fill_between(
            values.index, values["mean"] - values["std"], values["mean"] + values["std"], color=colour, alpha=0.12, lw=0
        )
    axes.set(xlabel="epoch", ylabel="validation loss (nats)", xticks=range(1, int(curves["epoch"].max()) + 2))
    axes.set_title(f"Six optimizers at learning rate 0.01: mean ± sd over {seeds} seeds", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, title="after the last epoch", loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=130)


if __name__ == "__main__":
    main()
