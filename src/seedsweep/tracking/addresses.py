"""The addresses of stores: which there are, the one that is meant if none is named, and where its artifacts lie."""

import os
import re
from pathlib import Path

from hydra.utils import to_absolute_path

from seedsweep.config.home import home
from seedsweep.errors import ConfigError

SQLITE = "sqlite:///"
PATIENCE = 150  # seconds that a transaction waits for those of other processes
ALLOWED = "must be sqlite:///FILE.db, postgresql+psycopg://…, or http(s)://… of an MLflow server"


def home_uri() -> str:
    """`mlruns/mlflow.db` in the folder that seedsweep is at home in."""
    return f"{SQLITE}{home() / 'mlruns' / 'mlflow.db'}"


def default_uri() -> str:
    """The address of the store that is used unless another one is named.

    Returns:
        `MLFLOW_TRACKING_URI` where it is set, otherwise that of the store at home.
    """
    return os.environ.get("MLFLOW_TRACKING_URI") or home_uri()


def absolute(uri: str) -> str:
    """The same address from any working directory; raises `ConfigError` on one that is not an address of a store."""
    if not isinstance(uri, str) or not re.match(r"(sqlite|postgresql(\+\w+)?|https?)://", uri):
        raise ConfigError("tracking.uri", uri, ALLOWED)
    if uri.startswith("sqlite") and (not uri.startswith(SQLITE) or uri in (SQLITE, f"{SQLITE}:memory:")):
        raise ConfigError("tracking.uri", uri, "must name a file: sqlite:///FILE.db")
    return SQLITE + to_absolute_path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else uri.rstrip("/")


def artifact_location(uri: str, experiment: str) -> str | None:
    """The folder for the artifacts of an experiment; None where an MLflow server decides."""
    if uri.startswith("http"):
        return None
    folder = Path(uri.removeprefix(SQLITE)).parent if uri.startswith(SQLITE) else home() / "mlruns"
    return (folder / "artifacts" / re.sub(r"[^\w-]+", "_", experiment)[:100]).as_uri()
