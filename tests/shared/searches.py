"""What tests of searches share: commands that are quick, and what these have left."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import yaml
from mlflow import MlflowClient

from shared.commands import Ended
from shared.stores import runs_in

Train = Callable[..., Ended]
ADAM = ("-m", "hydra/sweeper=optuna", "optimizer=adam", "hydra.sweep.dir=out")
SEARCH = (*ADAM, "trainer.max_epochs=1")
RATES = "optimizer.lr=tag(log, interval(1e-3, 1))"
PER_OPTION = ("-m", "hydra/sweeper=optuna", "hydra.sweeper.per=optimizer", "hydra.sweep.dir=out")
PER = (*PER_OPTION, "trainer.max_epochs=1")
OPTIMIZERS = "optimizer=sgd,adam"
SMALL = ("hydra.sweeper.n_trials=2", "hydra.sweeper.seeds=2", "hydra.sweeper.confirm=1")


def results(folder: Path) -> dict[str, Any]:
    """What a search wrote at its end."""
    actual: dict[str, Any] = yaml.safe_load((folder / "optimization_results.yaml").read_text())
    return actual


def studies(folder: Path) -> dict[str, optuna.Study]:
    """The studies of the storage in a folder, by name."""
    storage = f"sqlite:///{folder}/optuna.db"
    names = optuna.get_all_study_names(storage)
    return {name: optuna.load_study(study_name=name, storage=storage) for name in names}


def runs_of(trial: Any) -> list[str]:
    """The jobs of a trial that finished."""
    return list(trial.user_attrs["seedsweep.runs"])


def artifact(client: MlflowClient, name: str, folder: Path) -> pd.DataFrame:
    """A table of the only sweep."""
    (sweep,) = runs_in(client, "sweep")
    return pd.read_csv(client.download_artifacts(sweep.info.run_id, name, str(folder)))
