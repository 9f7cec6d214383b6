"""What does a run cost in a sweep, everything included?

The notebook's task (960 training rows, batch 16, five epochs: 300 steps; curves of four metrics) for six optimizers ×
rates × seeds, as whole processes, against (a) what people do today, (b) a bare loop, (c) a floor written by hand.
Run: python benchmarks/fleet.py [60000]   (the largest sweep)

Results are in docs/performance.md.
"""

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from tables import Table, times
from torch.nn.functional import binary_cross_entropy_with_logits

ROOT = Path(__file__).parents[1]
OPTIMIZERS = "sgd,momentum,nesterov,adam,adagrad,rmsprop"
ROWS, FEATURES, BATCH, EPOCHS = 1372, 4, 16, 5
SIZES = {6: (1, 1), 60: (1, 10), 600: (10, 10), 6_000: (10, 100), 60_000: (10, 1000)}  # rates, seeds
TIMES = {6: 3, 60: 2, 600: 2, 6_000: 3, 60_000: 2}  # that a sweep is run
PHASES = ("composing", "planning", "training", "tracking", "closing")
PER_RUN = {"params": 11, "tags": 16, "metrics": 39, "latest": 9}  # rows that a run has in MLflow's tables
TRAIN = round(0.7 * ROWS)
QUIETLY = ("compare=false", "tracking.reuse=false", "hydra.verbose=[seedsweep]")  # comparisons: benchmarks/compare.py

ECOSYSTEM = """
import hydra, pytorch_lightning as pl, torch
from hydra.utils import instantiate
from pytorch_lightning.loggers import MLFlowLogger
from seedsweep.problem.lightning_learner import LightningLearner
from seedsweep.problem.data_module import DataModule
from seedsweep.problem.splits import prepare
from seedsweep.problem.models import LogisticRegression

@hydra.main(version_base="1.3", config_path="{root}/conf", config_name="config")
def main(config):
    splits = prepare(instantiate(config.data, _convert_="all"))
    torch.manual_seed(config.seed)
    arguments = {{key: value for key, value in config.optimizer.items() if key != "search"}}
    module = LightningLearner(LogisticRegression(4), instantiate(arguments, _partial_=True, _convert_="all"))
    logger = MLFlowLogger("benchmark", tracking_uri=config.tracking.uri)
    logger.log_hyperparams(config)
    quiet = dict(enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False)
    trainer = pl.Trainer(max_epochs=5, logger=logger, log_every_n_steps=50, accelerator="cpu", **quiet)
    trainer.fit(module, datamodule=DataModule(splits, 16, config.seed))

main()
"""


def command(folder: Path, *arguments: str) -> tuple[float, float, str]:
    """Seconds, peak memory in MB, and what it printed, of a whole process."""
    uri = f"sqlite:///{folder}/mlflow.db"
    environment = os.environ | {"MLFLOW_TRACKING_URI": uri, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "log").open("w+") as log:
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, *arguments], stdout=log, stderr=log, cwd=folder, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        log.seek(0)
        text = log.read()
    if status:
        raise SystemExit(text)
    return seconds, usage.ru_maxrss / 1024, text


def data_table(folder: Path) -> list[str]:
    """A table of the notebook's size; what is in it does not matter here."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(ROWS, FEATURES))
    y = x @ draw.normal(size=FEATURES) + draw.normal(size=ROWS) > 0
    lines = [",".join([*map(str, row), str(int(label))]) for row, label in zip(x, y, strict=True)]
    (folder / "table.csv").write_text("\n".join(["a,b,c,d,y", *lines]))
    return ["data=table", f"data.path={folder}/table.csv", "data.target=y", f"data.batch_size={BATCH}"]


def fastest(folder: Path, data: list[str], runs: int) -> tuple[float, float, dict[str, float]]:
    """The fastest of some sweeps of so many runs: on a machine that others use, the others are slower by them."""
    return min((sweep(folder, data, *SIZES[runs]) for _ in range(TIMES.get(runs, 1))), key=lambda item: item[0])


def sweep(folder: Path, data: list[str], rates: int, seeds: int) -> tuple[float, float, dict[str, float]]:
    chosen = ",".join(f"{rate:.6g}" for rate in np.geomspace(0.003, 0.3, rates))
    swept = [f"optimizer={OPTIMIZERS}", f"optimizer.lr={chosen}", f"seed=range(0,{seeds})"]
    seconds, memory, text = command(folder, str(ROOT / "train.py"), "-m", *data, *swept, *QUIETLY)
    phases: dict[str, float] = {}
    for line in text.splitlines():  # such as "6000 runs: planning 0.50 s, training 0.70 s", "closing: 1.50 s"
        for name, value in re.findall(r"([a-z]+)(?: and checking \d+ jobs)?:? ([\d.]+) s\b", line):
            phases[name] = phases.get(name, 0) + float(value)
    return seconds, memory, phases


def ecosystem(folder: Path, data: list[str]) -> float:
    """Seconds that one more run costs with Hydra's basic launcher, Lightning's Trainer and its MLFlowLogger."""
    (folder / "app.py").write_text(ECOSYSTEM.format(root=ROOT))
    theirs = ["hydra/launcher=basic", "hydra/sweeper=basic", "optimizer=adam", *data]
    few, many = (
        min(command(folder, "app.py", "-m", *theirs, f"seed=range(0,{n})")[0] for _ in range(2)) for n in (2, 12)
    )
    return (many - few) / 10


def bare_loop(runs: int = 5) -> float:
    """Seconds a run of a plain PyTorch loop that tracks nothing."""
    x, y = torch.randn(TRAIN, FEATURES), (torch.rand(TRAIN) > 0.5).float()
    torch.set_num_threads(1)
    start = time.perf_counter()
    for seed in range(runs):
        generator = torch.Generator().manual_seed(seed)
        net = torch.nn.Linear(FEATURES, 1)
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(EPOCHS):
            for rows in torch.randperm(TRAIN, generator=generator).split(BATCH):
                optimizer.zero_grad()
                binary_cross_entropy_with_logits(net(x[rows]).squeeze(-1), y[rows]).backward()
                optimizer.step()
    return (time.perf_counter() - start) / runs


def floor(members: int, seeds: int) -> tuple[float, float]:
    """Seconds a run: gradients by hand as grouped matrix products, with SGD; and a plain insert of as many rows."""
    x, y = torch.randn(TRAIN, FEATURES), (torch.rand(TRAIN) > 0.5).float()
    item = members // seeds
    weights, bias = torch.randn(seeds, FEATURES, item), torch.zeros(seeds, 1, item)
    start = time.perf_counter()
    for _ in range(EPOCHS):
        order = torch.stack([torch.randperm(TRAIN) for _ in range(seeds)])
        for index in order.split(BATCH, dim=1):
            batch, target = x[index], y[index].unsqueeze(-1)
            error = torch.baddbmm(bias, batch, weights).sigmoid_().sub_(target).div_(index.shape[1])
            weights.sub_(batch.mT @ error, alpha=0.01)
            bias.sub_(error.sum(dim=1, keepdim=True), alpha=0.01)
    training = (time.perf_counter() - start) / members
    with tempfile.TemporaryDirectory() as folder:
        store = sqlite3.connect(f"{folder}/plain.db")
        for name in PER_RUN:
            store.execute(f"create table {name} (run text, key text, value text)")
        ids = [f"{number:032x}" for number in range(members)]
        start = time.perf_counter()
        with store:
            for name, rows in PER_RUN.items():
                values = ((run, f"key{row}", "0.123456789") for run in ids for row in range(rows))
                store.executemany(f"insert into {name} values (?, ?, ?)", values)
        return training, (time.perf_counter() - start) / members


def main() -> None:
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = data_table(folder)
        sweep(folder, data, 1, 1)  # makes the store
        start = fastest(folder, data, 6)[0]
        today, loop = ecosystem(folder, data) * 1e3, bare_loop() * 1e3
        table = Table("runs", "whole s", "MB", "ms a run, all in", "(a)/it", "(b)/it", *PHASES, "(c) floor", "it/(c)")
        table.row("(a) Hydra basic, Trainer, MLFlowLogger", "", "", f"{today:.0f}", "1×", times(loop, today))
        table.row("(b) bare loop", "", "", f"{loop:.0f}", times(today, loop), "1×")
        for runs, (_, seeds) in SIZES.items():
            if runs > largest:
                break
            seconds, memory, phases = fastest(folder, data, runs)
            start = min(start, seconds)
            own = {key: 1e3 * value / runs for key, value in phases.items()}
            shown = [f"{own.get(phase, 0):.3f}" for phase in PHASES]
            if runs == 6:
                table.row(runs, f"{start:.1f}", f"{memory:.0f}", "(start-up)", "", "", *shown)
                continue
            cost, by_hand = 1e3 * (seconds - start) / (runs - 6), [1e3 * each for each in floor(runs, seeds)]
            ratios = [times(today, cost), times(loop, cost)] if cost > 0 else ["–", "–"]
            of_floor = (" + ".join(f"{each:.3f}" for each in by_hand), times(cost, sum(by_hand)))
            table.row(f"{runs:,}", f"{seconds:.1f}", f"{memory:.0f}", f"{cost:.3f}", *ratios, *shown, *of_floor)


if __name__ == "__main__":
    main()
