"""Draws docs/search_over_seeds.png, what seeds are good for in a search: `python docs/search_over_seeds.py [repeats]`.

A learning rate is searched whose true loss is known, (log10 of the rate over the best one)², of which only noisy runs
are seen. All searches are seedsweep's own, with Optuna's TPE, and take as many runs: one seed a trial; five seeds a
trial, whose mean is told to Optuna; and the same with fewer trials, of which the three best are trained again with five
fresh seeds. The regret is by how much the true loss of the rate chosen in the end is above the least. Three minutes.
"""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import optuna
import pandas as pd
from optuna.distributions import FloatDistribution
from rich.progress import track

from seedsweep.search.aggregate import Aggregate
from seedsweep.search.option_study import OptionStudy
from seedsweep.search.rounds import Search
from seedsweep.search.shared_study import SharedStudy
from seedsweep.search.spaces import SearchSpace

RUNS, SEEDS, CONFIRM = 115, 5, 3
WAYS = {  # of searching: the seeds of a trial, None for one run without a seed, and how many trials are confirmed
    "one seed a trial": (None, 0),
    "five seeds a trial": (range(SEEDS), 0),
    "five seeds, and confirmed": (range(SEEDS), CONFIRM),
}
COLOURS = ("#D55E00", "#009E73", "#0072B2")
NOISES = (0.1, 0.3, 1.0)  # sd of a run at the best rate; what is off by a factor of ten costs 1
GROWTHS = {1: "the same at every rate", 2: "doubled with ten times the rate"}  # of the sd
SPACE = FloatDistribution(1e-4, 10, log=True)


class Task:
    """A learning rate to be found, of which only noisy runs are seen."""

    def __init__(self, noise: float, growth: float, repeat: int):
        self.generator = np.random.default_rng(repeat)
        self.noise, self.growth, self.best = noise, growth, self.generator.uniform(-3, 0)

    def regret(self, rate: float) -> float:
        return float((np.log10(rate) - self.best) ** 2)

    def run(self, job: Sequence[str]) -> float:
        """What a run gives, with noise of its own: what all rates had in common would put none before another."""
        rate = float(dict(override.split("=") for override in job)["lr"])
        sd = self.noise * self.growth ** (np.log10(rate) - self.best)
        return self.regret(rate) + float(self.generator.normal(0, sd))


def regret(task: Task, seeds: Sequence[int] | None, confirm: int, sampler: int) -> float:
    """The regret of what a search chooses in the end."""
    trials = RUNS if seeds is None else RUNS // SEEDS - confirm
    tpe, storage = optuna.samplers.TPESampler(seed=sampler), optuna.storages.InMemoryStorage()
    study = SharedStudy(None, storage, ["minimize"], tpe, optuna.pruners.NopPruner(), {"lr": SPACE}, trials)
    studied = OptionStudy(study, SearchSpace({"lr": SPACE}, {}, ("lr",), {}), seeds=seeds)
    fresh = range(SEEDS, 2 * SEEDS)
    search = Search([studied], Aggregate(["minimize"]), n_jobs=1, confirm=confirm, fresh=fresh)
    while jobs := search.ask():
        search.tell([task.run(job) for job in jobs])
    best = search.confirmations[0].params if confirm else study.study.best_params
    return task.regret(best["lr"])


def repeated(noise: float, growth: float, repeat: int) -> list[float]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return [regret(Task(noise, growth, repeat), *way, sampler=repeat) for way in WAYS.values()]


def regrets(repeats: int) -> Iterator[tuple[float, int, np.ndarray]]:
    """The regrets (repeats, ways) for each noise and growth."""
    with ProcessPoolExecutor(2) as pool:
        for growth in GROWTHS:
            for noise in NOISES:
                done = pool.map(partial(repeated, noise, growth), range(repeats), chunksize=5)
                yield noise, growth, np.array(list(track(done, f"noise {noise}, growth {growth}", repeats)))


def draw(axes: plt.Axes, actual: np.ndarray, noise: float, growth: int) -> None:
    share = np.arange(1, len(actual) + 1) / len(actual)
    axes.text(0.98, 0.26, "median", transform=axes.transAxes, ha="right", fontsize="small")
    for position, (name, column, colour) in enumerate(zip(WAYS, actual.T, COLOURS, strict=True)):
        axes.plot(np.sort(column), share, color=colour, label=name)
        median, height = f"{np.median(column):.2g}", 0.19 - 0.07 * position
        axes.text(0.98, height, median, transform=axes.transAxes, ha="right", fontsize="small", color=colour)
    axes.set(xscale="log", xlim=(1e-4, 30), ylim=(0, 1))
    axes.set_title(f"sd {noise:g}, {GROWTHS[growth]}", loc="left", fontsize="medium")
    axes.spines[["top", "right"]].set_visible(False)


def summary(noise: float, growth: int, name: str, actual: np.ndarray, one: np.ndarray) -> dict[str, object]:
    """A row of the table; `one` are the regrets with one seed a trial, in the same tasks."""
    row: dict[str, object] = {"sd": noise, "growth": growth, "way of searching": name}
    row |= {f"{share:.0%}": f"{np.quantile(actual, share):.4f}" for share in (0.25, 0.5, 0.75, 0.95)}
    return row | {"mean": f"{actual.mean():.4f}", "better than one seed": f"{(actual < one).mean():.0%}"}


def main(repeats: int) -> None:
    figure, grid = plt.subplots(len(GROWTHS), len(NOISES), figsize=(12, 6.5), sharex=True, layout="constrained")
    rows = []
    for axes, (noise, growth, actual) in zip(grid.flat, regrets(repeats), strict=True):
        draw(axes, actual, noise, growth)
        rows += [
            summary(noise, growth, name, column, actual[:, 0]) for name, column in zip(WAYS, actual.T, strict=True)
        ]
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=len(WAYS), frameon=False)
    figure.supxlabel("regret: true loss of the chosen rate above the least", fontsize="medium")
    figure.supylabel(f"share of {repeats} searches of {RUNS} runs", fontsize="medium")
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=130)
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
