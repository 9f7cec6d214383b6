"""What does a run cost in a sweep of 1,000, 10,000, 100,000 and 1,000,000 runs in groups: time, memory, disk?

    python benchmarks/scale.py [1000000]   (the largest sweep, 100,000 by default; up to a million all have one epoch)

Two optimizers × five rates × seeds on the notebook's task, as whole processes: the sweep, the same command again, which
finds every run in the store, and each reader. The costs a run are without the start of a process: of a sweep what it
says that its phases take, of a comparison, too, of a reader its second call, of the command again the time of the
processor less that of twenty runs. Each is the least of some repetitions. Results are in docs/performance.md.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from fleet import QUIETLY, ROOT, data_table  # type: ignore[import-not-found]
from tables import Table, times

SWEPT = ("optimizer=sgd,adam", "optimizer.lr=0.003,0.01,0.03,0.1,0.3")
EACH = 10  # runs of one seed
TIMES = {20: 3, 1_000: 3, 10_000: 2, 100_000: 1, 1_000_000: 1}  # that a sweep of so many runs is made; the first: start
MANY = 1_000_000  # runs of the largest sweep from which on all have one epoch in place of five
READERS = {
    "load_runs": "len(load_runs('latest'))",
    "load_curves": "len(load_curves('latest'))",
    "stream_curves": "sum(map(len, stream_curves('latest')))",
    "load_model": "load_model(last)",
}
READ = """from time import perf_counter
from seedsweep.tracking.reader import load_curves, load_runs, stream_curves, stream_runs
from seedsweep.tracking.weights import load_model
last = [runs["run"].iloc[-1] for runs in stream_runs("latest") if len(runs)][-1]
{0}
start = perf_counter()
{0}
print("reading", round(perf_counter() - start, 4), "s")"""
HEADS = ("", "runs", "whole s", "MB", "ms a run", "ratio to the fewest runs", "kB a run")

PHASES = re.compile(r"([a-z]+)(?: and checking \d+ jobs)?:? ([\d.]+) s\b")  # such as "closing: 1.50 s"

Spent = dict[str, tuple[float, ...]]  # by what was done: seconds, those that count, peak memory in MB
CONNECT = "connection.connect(addresses.default_uri(), create=True)"


def command(folder: Path, *arguments: str, by: str = "phases") -> tuple[float, float, float]:
    """What a whole process takes, counted `by` what it says that its phases take, or by all time of the processor."""
    environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
    with (folder / "log").open("w+") as log:
        start = os.times().elapsed
        process = subprocess.Popen([sys.executable, *arguments], stdout=log, stderr=log, cwd=folder, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = os.times().elapsed - start
        log.seek(0)
        text = log.read()
    if status:
        raise SystemExit(text)
    phases = [(name, float(value)) for name, value in PHASES.findall(text)]
    about = ", ".join(f"{name} {value:.2f} s" for name, value in phases)
    print(f"{folder.name} {arguments[0][-8:]}: {about}", file=sys.stderr, flush=True)
    counted = sum(value for _, value in phases) if by == "phases" else usage.ru_utime + usage.ru_stime
    return seconds, counted, usage.ru_maxrss / 1024


def measured(folder: Path, data: list[str], runs: int, epochs: list[str]) -> Spent:
    """What a sweep of so many runs takes, in a store of its own."""
    folder.mkdir()
    words = [*data, *SWEPT, f"seed=range(0,{runs // EACH})", *epochs, "tracking.detail=groups", *QUIETLY]
    command(folder, "-c", f"from seedsweep.tracking import addresses, connection; {CONNECT}")
    spent: Spent = {}
    for name, by in (("the sweep", "phases"), ("again", "processor")):
        spent[name] = command(folder, str(ROOT / "train.py"), "-m", *words, by=by)
    for name, expression in READERS.items():
        spent[name] = command(folder, "-c", READ.format(expression))
    spent["compare"] = command(folder, str(ROOT / "compare.py"), "figures=null", QUIETLY[-1])
    for what, pattern in {"chunk files": "*/*", "the plan": "plan.csv"}.items():
        files = [file for file in folder.glob(f"artifacts/*/*/artifacts/{pattern}") if file.parent.name != "report"]
        spent[what] = (0.0, 0.0, sum(file.stat().st_size for file in files) / 1e6)
    return spent


def least(spent: list[Spent]) -> Spent:
    """The least of each number."""
    return {what: tuple(map(min, zip(*(times[what] for times in spent), strict=True))) for what in spent[0]}


def main(largest: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        data, epochs = data_table(Path(name)), ["trainer.max_epochs=1"] if largest >= MANY else []
        start: Spent = {}
        first: dict[str, float] = {}
        rows = []
        for runs in (size for size in TIMES if size <= largest):
            spent = least([measured(Path(name) / f"{runs}-{time}", data, runs, epochs) for time in range(TIMES[runs])])
            start = start or spent
            for what, (seconds, counted, megabytes) in spent.items() if runs > min(TIMES) else ():
                cost = (counted - start[what][1] * (what == "again")) / runs * 1e3
                memory = (megabytes - start[what][2]) / runs * 1e3
                ratio = times(cost, first.setdefault(what, cost)) if first.get(what, cost) > 0 else "–"
                whole, size = f"{seconds:.1f}", f"{megabytes:.0f}"
                rows.append((what, f"{runs:,}", whole, size, f"{cost:.4f}", ratio, f"{memory:.3f}"))
        table = Table(*HEADS)
        for cells in rows:
            table.row(*cells)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
