"""How long does a comparison take, from the command to the finished report?

Six optimizers × ten rates × seeds, some twenty points a run, compared by `python compare.py` as a whole process,
against in the same invocation the imports that it needs, and the reading of as many rows by pandas from a CSV file.
Run: python benchmarks/compare.py [6000]   (runs)
"""

import re
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from fleet import command
from tables import Table, times

ROOT = Path(__file__).parents[1]
OPTIMIZERS = "sgd,momentum,nesterov,adam,adagrad,rmsprop"
RATES = "0.001,0.003,0.01,0.03,0.1,0.3,1,3,10,30"
PHASES = ("reading", "comparing", "report", "groups")  # seconds that the log says of them
IMPORTS = "import pandas, mlflow, hydra, altair, vl_convert, scipy.special"


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 6_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        swept = [f"optimizer={OPTIMIZERS}", f"optimizer.lr={RATES}", f"seed=range(0,{runs // 60})"]
        command(folder, str(ROOT / "train.py"), "-m", *swept, "compare=false")
        imports = min(command(folder, "-c", IMPORTS)[0] for _ in range(2))
        (artifacts,) = folder.glob("artifacts/*/*/artifacts/curves.parquet")
        curves = pd.read_parquet(artifacts)
        curves.to_csv(folder / "curves.csv", index=False)
        start = time.perf_counter()
        pd.read_csv(folder / "curves.csv")
        floor = time.perf_counter() - start
        table = Table(f"{runs:,} runs, {len(curves):,} points", "s", "to the imports", "MB", *PHASES, "report.html, MB")
        table.row("the imports", f"{imports:.1f}")
        table.row("pandas' `read_csv`", f"{floor:.1f}", times(floor, imports))
        for figures in ("null", "png", "svg", "pdf", "[png,svg,pdf]"):
            options = ("hydra.verbose=[seedsweep]", f"figures={figures}")
            seconds, memory, output = command(folder, str(ROOT / "compare.py"), *options)
            phases = [float(re.findall(rf"{phase}: ([\d.]+) s", output)[0]) for phase in PHASES]
            (report,) = folder.glob("artifacts/*/*/artifacts/report/report.html")
            size = report.stat().st_size / 2**20
            cells = (f"{seconds:.1f}", times(seconds, imports), f"{memory:.0f}", *phases, f"{size:.1f}")
            table.row(f"`compare.py figures={figures}`", *cells)


if __name__ == "__main__":
    main()
