"""One run and a whole small sweep from the command line, against importing what they cannot do without.

    python benchmarks/startup.py [repetitions] [folder of another version]

The floor imports torch, Hydra, SQLAlchemy and pandas, and opens the store. Another version, such as a git worktree of
an older commit, is measured in the same invocation. Seconds are those of the processors, the fewest of the repetitions,
since others may use the machine; the last column is against the floor.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tables import Table, times

HERE = Path(__file__).parents[1]
FLOOR = "import torch, hydra, sqlalchemy, pandas; sqlalchemy.create_engine({!r}).connect()"
COMMANDS = {
    "train.py": ["train.py"],
    "train.py -m optimizer=sgd,adam,rmsprop seed=0,1": ["train.py", "-m", "optimizer=sgd,adam,rmsprop", "seed=0,1"],
    "compare.py": ["compare.py"],
    "train.py --help": ["train.py", "--help"],
}


def seconds(command: list[str], folder: str, source: Path) -> float:
    """Of all processors that a command needs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(source / "src"), "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/kept.db"}
    environment |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": f"{folder}/compiled"}  # once, as for users
    subprocess.run([sys.executable, *command], cwd=folder, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(source: Path, repetitions: int) -> tuple[float, dict[str, float]]:
    """The floor, and the seconds of each command of a version."""
    with tempfile.TemporaryDirectory() as folder:
        floor = ["-c", FLOOR.format(f"sqlite:///{folder}/kept.db")]
        scripts = {name: [str(source / words[0]), *words[1:]] for name, words in COMMANDS.items()}
        for command in scripts.values():  # makes the schema of the store, and compiles what is imported
            seconds(command, folder, source)
        taken = {
            name: [seconds(command, folder, source) for _ in range(repetitions)] for name, command in scripts.items()
        }
        least = min(seconds(floor, folder, source) for _ in range(repetitions))
    return least, {name: min(values) for name, values in taken.items()}


def main(repetitions: int, other: Path | None) -> None:
    floor, now = measure(HERE, repetitions)
    before = measure(other, repetitions)[1] if other else {}
    table = Table("", "seconds", "to the floor", *(["to the other version"] if other else []))
    table.row("the floor", f"{floor:.2f}")
    for name, taken in now.items():
        compared = [times(taken, before[name])] if before else []
        table.row(f"`{name}`", f"{taken:.2f}", times(taken, floor), *compared)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None)
