"""One run of the reference engine, against a bare Lightning fit of the same module and a bare PyTorch loop.

    python benchmarks/engine.py [repetitions]

Results are in docs/performance.md.
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from tables import Table, times
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader

from seedsweep.engine.built_run import BuiltRun, build
from seedsweep.engine.lightning import quiet, train

EPOCHS = 12  # of 25 minibatches: 300 steps, as many as the course notebook takes


def reference(built: BuiltRun) -> None:
    """Curves, a test, and the weights."""
    train(built.module, built.data, **built.trainer)


def bare_lightning(built: BuiltRun) -> None:
    """The same module and loaders; no curves, no test."""
    off = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    with quiet():
        pl.Trainer(max_epochs=EPOCHS, accelerator="cpu", num_sanity_val_steps=0, **off).fit(built.module, built.data)


def bare_loop(built: BuiltRun) -> None:
    """The loop of every tutorial, with a validation at the end of each epoch."""
    splits, net = built.splits, built.module.net
    optimizer = torch.optim.SGD(net.parameters(), 0.01)
    for _ in range(EPOCHS):
        for x, y in DataLoader(splits.train, 16, shuffle=True):
            optimizer.zero_grad()
            binary_cross_entropy_with_logits(net(x), y.float()).backward()
            optimizer.step()
        with torch.no_grad():
            x, y = splits.val.tensors
            binary_cross_entropy_with_logits(net(x), y.float()).item()


def main(repetitions: int) -> None:
    with initialize_config_dir(str(Path(__file__).parents[1] / "conf"), version_base="1.3"):
        config = compose("config", overrides=["tracking=none", f"trainer.max_epochs={EPOCHS}"])
    trainings: tuple[Callable[[BuiltRun], None], ...] = (bare_loop, bare_lightning, reference)
    seconds: dict[str, list[float]] = {train_run.__name__: [] for train_run in trainings}
    for _ in range(repetitions + 1):
        for train_run in trainings:
            built = build(config)
            start = time.perf_counter()
            train_run(built)
            seconds[train_run.__name__].append(time.perf_counter() - start)
    medians = {name: statistics.median(values[1:]) for name, values in seconds.items()}  # the first one warms up
    table = Table("training", "ms a run", "to a bare loop", "to a bare Lightning fit")
    for name, median in medians.items():
        ratios = [times(median, medians[floor.__name__]) for floor in (bare_loop, bare_lightning)]
        table.row(name.replace("_", " "), f"{median * 1e3:.0f}", *ratios)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
