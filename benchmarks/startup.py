"""A whole small sweep from the command line, against importing the libraries that it cannot do without.

    python benchmarks/startup.py [repetitions]

On two cores:

    importing torch, pytorch_lightning, mlflow, hydra    5.66 s
    train.py -m optimizer=sgd,adam,rmsprop seed=0        6.90 s   1.22×
    the same, on a store that does not exist yet         7.54 s   1.33×
    train.py --help                                      0.46 s   0.08×
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TRAIN = [sys.executable, str(Path(__file__).parents[1] / "train.py")]
SWEEP = [*TRAIN, "-m", "optimizer=sgd,adam,rmsprop", "seed=0"]
IMPORTS = [sys.executable, "-c", "import torch, pytorch_lightning, mlflow, hydra"]


def seconds(command: list[str], folder: str, store: str) -> float:
    start = time.perf_counter()
    environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/{store}.db"}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def main(repetitions: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        fresh = seconds(SWEEP, folder, "kept")  # makes the schema of the store
        floor, sweep = [], []
        for _ in range(repetitions):
            floor.append(seconds(IMPORTS, folder, "kept"))
            sweep.append(seconds(SWEEP, folder, "kept"))
        help_ = seconds([*TRAIN, "--help"], folder, "kept")
    least, median = statistics.median(floor), statistics.median(sweep)
    print(f"importing torch, pytorch_lightning, mlflow, hydra   {least:5.2f} s")
    print(f"train.py -m optimizer=sgd,adam,rmsprop seed=0       {median:5.2f} s   {median / least:.2f}×")
    print(f"the same, on a store that does not exist yet        {fresh:5.2f} s   {fresh / least:.2f}×")
    print(f"train.py --help                                     {help_:5.2f} s   {help_ / least:.2f}×")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
