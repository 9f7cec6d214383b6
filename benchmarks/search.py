"""What does a search cost, everything included? 100 trials × 10 seeds of the notebook's task, the best three confirmed.

Adam's learning rate by TPE in batches of ten, as a whole process, against in the same invocation (a) what people do
today: run after run, composed by Hydra, trained by Lightning's Trainer and tracked by its MLFlowLogger, in a loop of
Optuna's ask and tell; (b) what cannot be saved: the start of a search of one run, and Optuna's own sampling.
Run: python benchmarks/search.py [100]   (trials)

Results are in docs/performance.md.
"""

import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import optuna
from fleet import ECOSYSTEM, PHASES, QUIETLY, ROOT, command, data_table
from tables import Table, times

SEEDS, BATCH, CONFIRM = 10, 10, 3
TODAY = 8  # runs of today's way that are timed, after one that warms up
TIMES = 2  # that each search is made; the fastest counts, since others use the machine, too
ASK_AND_TELL = """
import sys, time, optuna
from hydra import compose, initialize_config_dir

study = optuna.create_study(storage="sqlite:///today.db", sampler=optuna.samplers.TPESampler())
with initialize_config_dir("{root}/conf", version_base="1.3"):
    for seed in range({runs}):
        trial = study.ask()
        rate = trial.suggest_float("optimizer.lr", 1e-4, 10, log=True)
        main(compose("config", overrides=[*sys.argv[1:], f"optimizer.lr={{rate}}", f"seed={{seed}}"]))
        study.tell(trial, rate)  # whatever the value is, telling it costs the same
        print("at", time.perf_counter())
"""


def today(folder: Path, data: list[str]) -> float:
    """Seconds a run of one process that trains one after the other, without its start."""
    application = ECOSYSTEM.removesuffix("main()\n") + ASK_AND_TELL
    (folder / "today.py").write_text(application.format(root=ROOT, runs=TODAY + 1))
    text = command(folder, "today.py", "optimizer=adam", *data)[2]
    seconds = [float(second) for second in re.findall(r"^at ([\d.]+)", text, re.MULTILINE)]
    return (seconds[-1] - seconds[0]) / TODAY


def sampling(folder: Path, trials: int) -> float:
    """Seconds that Optuna takes to suggest as many values in such batches, and to be told theirs."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=f"sqlite:///{folder}/sampling.db", sampler=optuna.samplers.TPESampler())
    start = time.perf_counter()
    for first in range(0, trials, BATCH):
        trials_of_round = [study.ask() for _ in range(min(BATCH, trials - first))]
        rates = [trial.suggest_float("optimizer.lr", 1e-4, 10, log=True) for trial in trials_of_round]
        for trial, rate in zip(trials_of_round, rates, strict=True):
            study.tell(trial, np.log10(rate) ** 2)
    return time.perf_counter() - start


def search(folder: Path, data: list[str], trials: int, seeds: int, confirm: int) -> tuple[float, float, str]:
    """Seconds, peak memory in MB and log of a search in a study of its own: the fastest of some."""
    keys = {"n_trials": trials, "seeds": seeds, "n_jobs": BATCH, "confirm": confirm}
    overrides = ["hydra/sweeper=optuna", "optimizer=adam", "optimizer.lr=tag(log, interval(1e-4, 10))", *data, *QUIETLY]
    overrides += [f"hydra.sweeper.{key}={value}" for key, value in keys.items()]
    names = [f"hydra.sweeper.study_name={trials}x{seeds}-{number}" for number in range(TIMES)]
    return min(command(folder, str(ROOT / "train.py"), "-m", *overrides, name) for name in names)


def phases(log: str) -> dict[str, float]:
    """Seconds by phase that the log names, such as "1000 runs: planning 0.50 s, training 0.70 s", over all rounds."""
    total = dict.fromkeys(PHASES, 0.0)
    for phase, seconds in re.findall(r"([a-z]+)(?: and checking \d+ jobs)?:? ([\d.]+) s\b", log):
        if phase in total:
            total[phase] += float(seconds)
    return total


def main(trials: int) -> None:
    runs = (trials + CONFIRM) * SEEDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = data_table(folder)
        command(folder, str(ROOT / "train.py"), *data)  # makes the store
        start = search(folder, data, 1, 1, 0)[0]
        whole, memory, text = search(folder, data, trials, SEEDS, CONFIRM)
        sampled, loop = sampling(folder, trials), today(folder, data) * runs
    rest, logged = whole - start - sampled, phases(text)
    floor = start + sampled
    title = f"{trials} trials × {SEEDS} seeds, {CONFIRM} confirmed with {SEEDS} others: {runs:,} runs"
    table = Table(title, "s", "to start and sampling", "ms")
    for what, seconds, each in (
        (f"the whole process, {memory:.0f} MB at most", whole, None),
        ("start: 1 trial × 1 seed", start, None),
        ("Optuna's sampling by itself", sampled, f"{1e3 * sampled / trials:.1f} a trial"),
        ("the rest", rest, f"{1e3 * rest / runs:.1f} a run"),
        *((f"of it, in the log: {phase}", taken, f"{1e3 * taken / runs:.1f} a run") for phase, taken in logged.items()),
        ("today's way", loop, f"{1e3 * loop / runs:.0f} a run"),
    ):
        table.row(what, f"{seconds:.2f}", times(seconds, floor), each)
    table.row("today's way, to the whole process", "", times(loop, whole))
    table.row("today's way, to the process without its start", "", times(loop, whole - start))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
