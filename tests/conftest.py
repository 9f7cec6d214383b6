"""Real stores, real data and the real command, in this process where that is enough."""

import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from mlflow import MlflowClient
from omegaconf import DictConfig
from optuna.storages import BaseStorage, RDBStorage

from seedsweep.search.storages import open_storage
from seedsweep.tracking import connection as store

ROOT = Path(__file__).parents[1]
BANKNOTE = ROOT.parent / "shared" / "data" / "banknote.csv"
SILENT = ("hydra/job_logging=disabled", "hydra/hydra_logging=disabled")  # the streams of a test close at its end

needs_banknote = pytest.mark.skipif(not BANKNOTE.exists(), reason="the banknote data is not here")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new store; making one takes MLflow seconds of migrations."""
    file = tmp_path_factory.mktemp("empty") / "mlflow.db"
    store.connect(f"sqlite:///{file}", create=True)
    return file


@pytest.fixture
def uri(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store of the test's own, which is the default of every command in it; the working directory is beside it."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture
def client(uri: str) -> MlflowClient:
    return MlflowClient(tracking_uri=uri)


@pytest.fixture
def opened() -> Iterator[Callable[[str], BaseStorage]]:
    """Opens Optuna storages, which are closed at the end of the test."""
    storages: list[BaseStorage] = []

    def opened(uri: str) -> BaseStorage:
        storages.append(open_storage(uri))
        return storages[-1]

    yield opened
    for storage in storages:
        if isinstance(storage, RDBStorage):
            storage.engine.dispose()


@dataclass
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def train(uri: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """`python train.py …` in this process, which has imported everything already."""
    return lambda *arguments: _command("train.py", [*arguments, *_quick(arguments)], capfd, monkeypatch)


@pytest.fixture
def compare(uri: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """`python compare.py …` in this process."""
    return lambda *arguments: _command("compare.py", arguments, capfd, monkeypatch)


def _command(
    script: str, arguments: Sequence[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Ended:
    GlobalHydra.instance().clear()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", [str(ROOT / script), *arguments, *SILENT])
        capfd.readouterr()
        code: Any = 0
        try:
            runpy.run_path(str(ROOT / script), run_name="__main__")
        except SystemExit as end:
            code = end.code
        finally:
            HydraConfig.instance().cfg = None  # what the end of the process would forget
        return Ended(code or 0, *capfd.readouterr())


def _quick(arguments: Sequence[str]) -> list[str]:
    """Sweeps are compared at their end only where a test asks for it."""
    sweeping = {"-m", "--multirun", "-cd"} & set(arguments)
    return ["compare=false"] if sweeping and not any(each.startswith("compare=") for each in arguments) else []


def start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """`python train.py …` in a process of its own, in the working directory."""
    command = [sys.executable, str(ROOT / "train.py"), *arguments, *_quick(arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def config(*overrides: str) -> DictConfig:
    """A composed configuration, without the command."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("config", overrides=list(overrides))


def runs_in(client: MlflowClient, kind: str = "run") -> list[Any]:
    """All runs of that kind in the store, by MLflow's own client, the oldest first."""
    experiments = [found.experiment_id for found in client.search_experiments()]
    found = client.search_runs(experiments, f"tags.`seedsweep.kind` = '{kind}'", order_by=["attributes.start_time"])
    return list(found)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """The first true value of the condition."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.1)
    raise TimeoutError(f"nothing came within {seconds} s")


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[str]:
    """A real MLflow server on loopback; its address."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    shutil.copy(empty_store, folder / "mlflow.db")
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "art")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, start_new_session=True)
        try:
            wait_for(lambda: answers(f"http://127.0.0.1:{port}/health"))
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, 9)
            process.wait()


@dataclass
class Postgres:
    """A PostgreSQL server with an empty MLflow store in it, of which each test has a copy."""

    port: int
    copies: int = 0

    def uri(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def copy(self) -> str:
        self.copies += 1
        with psycopg.connect(self.uri("postgres").replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE store{self.copies} TEMPLATE store")  # type: ignore[call-overload]
        return self.uri(f"store{self.copies}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server of the session's own, on loopback."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres")) or [shutil.which("postgres")]
    if found[-1] is None:
        pytest.skip("PostgreSQL is not installed")
    binaries = Path(found[-1]).parent
    folder, port = Path(tempfile.mkdtemp(prefix="postgres-")), free_port()
    options: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    if os.getuid() == 0:  # as which it refuses to run
        shutil.chown(folder, "postgres")
        options |= {"user": "postgres", "group": "postgres", "extra_groups": []}
    make = ["initdb", "--pgdata=data", "--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8"]
    subprocess.run([binaries / make[0], *make[1:], "--locale=C"], check=True, **options)
    serve = ["-D", "data", "-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-c", "fsync=off"]
    process = subprocess.Popen([binaries / "postgres", *serve], **options)
    server = Postgres(port)
    try:
        wait_for(lambda: _accepts(server))
        with psycopg.connect(server.uri("postgres").replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("CREATE DATABASE store")
        make_store = f"from seedsweep import store; store.connect({server.uri('store')!r}, create=True)"
        subprocess.run([sys.executable, "-c", make_store], check=True)  # a process that keeps no connection
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
        shutil.rmtree(folder)


def _accepts(server: Postgres) -> bool:
    try:
        psycopg.connect(server.uri("postgres").replace("+psycopg", "")).close()
    except psycopg.OperationalError:
        return False
    return True
