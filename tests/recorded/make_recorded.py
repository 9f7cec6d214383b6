"""Makes the fixtures in this folder with the code of the commit before the modules moved (e4dc0d4).

Run it in a checkout of that commit, in an environment of its own: python make_recorded.py CHECKOUT
"""

import gzip
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
IRIS = ["data=iris", "model=softmax_regression", "trainer.max_epochs=2"]
KEYS = {
    "iris adam": [*IRIS, "optimizer=adam"],
    "breast cancer sgd": ["optimizer=sgd", "optimizer.lr=0.05", "schedule=cosine", "seed=3", "trainer.max_epochs=2"],
    "digits mlp": [
        *("data=digits", "model=mlp", "model.hidden=[8]", "optimizer=keras_rmsprop", "trainer.max_epochs=1"),
        *("init_seed=1", "order_seed=2"),
    ],
    "quadratic": ["data=quadratic_deep", "model=quadratic", "optimizer=sgd", "trainer.max_epochs=1"],
}
SWEEPS = {
    "fleet": ["-m", *IRIS, "optimizer=sgd,adam", "seed=range(0,8)"],
    "alone": ["-m", *IRIS, "optimizer=adam", "seed=0,1", "trainer.engine=lightning"],
}
SEARCH = [
    *("-m", *IRIS, "hydra/sweeper=optuna", "optimizer=adam", "optimizer.lr=tag(log,interval(1e-3,1))"),
    *("hydra.sweeper.study_name=recorded", "hydra.sweeper.seeds=2", "hydra.sweeper.n_trials=4"),
    *("hydra.sweeper.confirm=1", "hydra.sweeper.sampler.seed=0"),
]


def train(checkout: Path, folder: Path, arguments: list[str]) -> str:
    """What `train.py` prints, with stores in the folder."""
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "PYTHONPATH": str(checkout / "src"),
    }
    command = [sys.executable, str(checkout / "train.py"), *arguments]
    return subprocess.run(command, check=True, cwd=folder, env=environment, capture_output=True, text=True).stdout


def answers(folder: Path) -> dict[str, Any]:
    """What the code of that commit reads in the stores."""
    import optuna
    import torch
    from seedsweep.reading import find_sweeps

    import seedsweep
    from seedsweep import store

    os.environ["MLFLOW_TRACKING_URI"] = uri = f"sqlite:///{folder}/mlflow.db"
    runs = seedsweep.load_runs()
    columns = ["run", "name", "group", "outcome", "optimizer.lr", "model._target_", "seed", "val/loss", "test/accuracy"]
    sweeps = {sweep.info.run_name: sweep.info.run_id for sweep in find_sweeps(store.connect(uri))}
    fleet = next(run_id for name, run_id in sweeps.items() if "sgd,adam" in name)
    curves = seedsweep.load_curves(fleet)
    inputs = torch.linspace(0, 8, 12).reshape(3, 4)
    members = runs[
        (runs["model._target_"] == "seedsweep.model.SoftmaxRegression") & runs["sweep"].isin(sweeps.values())
    ]
    study = optuna.load_study(study_name="recorded", storage=f"sqlite:///{folder}/optuna.db")
    return {
        "runs": json.loads(runs[columns].to_json(orient="records", double_precision=15)),
        "sweeps": sweeps,
        "fleet": fleet,
        "curves": curves["value"].tolist(),
        "sentences": [verdict.sentence for verdict in seedsweep.compare(seedsweep.load_runs(fleet), curves).verdicts],
        "outputs": {run: seedsweep.load_model(run)(inputs).tolist() for run in members["run"].head(24)},
        "best_value": study.best_value,
        "trials": len(study.trials),
    }


def main(checkout: Path) -> None:
    sys.path.insert(0, str(checkout / "src"))
    folder = Path(tempfile.mkdtemp())
    expected: dict[str, Any] = {"search": SEARCH, "keys": {}}
    for arguments in [*KEYS.values(), *SWEEPS.values(), SEARCH]:
        train(checkout, folder, arguments)
    expected["again"] = train(checkout, folder, SEARCH)
    expected |= answers(folder)
    with sqlite3.connect(folder / "mlflow.db") as database:
        for name, arguments in KEYS.items():
            row = (
                "SELECT value FROM tags WHERE key = 'seedsweep.key' AND run_uuid = (SELECT run_uuid FROM runs ORDER BY"
            )
            number = list(KEYS).index(name)
            (key,) = database.execute(f"{row} start_time LIMIT 1 OFFSET {number})").fetchone()
            expected["keys"][name] = {"overrides": arguments, "key": key}
    for name in ("mlflow", "optuna"):
        with sqlite3.connect(folder / f"{name}.db") as database:
            dump = "\n".join(database.iterdump())
        for path, placeholder in ((f"{checkout}/", ""), (str(folder), "@FOLDER@"), (socket.gethostname(), "host")):
            dump = dump.replace(path, placeholder)
        (HERE / f"{name}.sql.gz").write_bytes(gzip.compress(dump.encode(), mtime=0))
    for report in folder.glob("artifacts/**/report"):
        shutil.rmtree(report)
    for file in folder.glob("artifacts/**/config.yaml"):
        file.write_text(file.read_text().replace(str(folder), "@FOLDER@"))
    with tarfile.open(HERE / "artifacts.tar.xz", "w:xz") as archive:
        archive.add(folder / "artifacts", "artifacts")
    text = json.dumps(expected, indent=1).replace(str(folder), "@FOLDER@")
    (HERE / "expected.json").write_text(text + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
