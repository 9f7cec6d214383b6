"""Draws docs/until_sure.png, one sweep that buys its seeds: `python docs/until_sure.py`.

Three made-up options at four rates each. Above the evidence against each cell over the seeds, until it is dropped;
below the runs that each cell got.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from seedsweep.comparison.intervals import Array
from seedsweep.comparison.until_sure import Sequential

MEANS = {"adam": (4.0, 0.0, 0.4, 3.0), "momentum": (3.0, 0.8, 1.0, 5.0), "sgd": (6.0, 4.0, 2.0, 1.4)}
RATES, COLOURS = ("0.001", "0.01", "0.1", "1"), ("#0072B2", "#D55E00", "#009E73")
CONFIDENCE, SEEDS = 0.95, 100


def losses() -> Array:
    """Losses (cells, seeds), 20 on average for the best; their differences have a standard deviation of 1."""
    generator = np.random.default_rng(2)
    means = 20 + np.concatenate(list(MEANS.values()))
    noise = generator.normal(0, 0.5**0.5, (len(means), SEEDS)) + generator.normal(size=SEEDS)
    return np.asarray(means[:, None] + noise)


def main() -> None:
    options = [option for option, means in MEANS.items() for _ in means]
    sweep, values = Sequential(options, confidence=CONFIDENCE), losses()
    seen, evidence = [0], [np.ones(len(options))]
    while seeds := list(sweep.next_seeds):
        state = sweep.observe(values[:, seeds])
        seen.append(state.seeds)
        evidence.append(state.evidence)
    figure, (above, below) = plt.subplots(2, 1, figsize=(8, 7), layout="constrained", height_ratios=(3, 2))
    for cell, option in enumerate(options):
        colour = COLOURS[list(MEANS).index(option)]
        last = state.dropped_after[cell] or state.seeds
        until = seen.index(last) + 1
        label = option if cell % len(RATES) == 0 else None
        above.plot(seen[:until], np.array(evidence)[:until, cell], "o-", color=colour, label=label, markersize=4)
        below.bar(cell, last, color=colour)
        below.text(cell, last + 1, f"{last}", ha="center", fontsize="small")
    above.axhline(2 / (1 - CONFIDENCE), color="0.4", linestyle="--")
    above.text(0, 2 / (1 - CONFIDENCE) * 1.1, "dropped", color="0.4", fontsize="small")
    above.set(yscale="log", xlabel="seeds", ylabel="evidence that it is not the best")
    figure.legend(*above.get_legend_handles_labels(), loc="outside upper right", ncols=len(MEANS), frameon=False)
    below.set_xticks(range(len(options)), [RATES[cell % len(RATES)] for cell in range(len(options))])
    below.set(xlabel="learning rate", ylabel="runs", ylim=(0, state.seeds + 5))
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    above.set_title(state.sentence(CONFIDENCE), loc="left", fontsize="medium")
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=130)


if __name__ == "__main__":
    main()
