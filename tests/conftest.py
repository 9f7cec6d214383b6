"""Real stores, real data and the real command, in this process where that is enough."""

import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from mlflow import MlflowClient
from optuna.storages import BaseStorage, RDBStorage
from shared.commands import Ended, run_command
from shared.forking import never_wait_for_the_disk
from shared.forks import run_forked, share_forks
from shared.slurm import Slurm, running_slurm
from shared.stores import Postgres, accepts
from shared.waiting import SMALL_SERVER, answers, free_port, wait_for

from seedsweep.gc_pause import leave_alone
from seedsweep.search.storages import open_storage
from seedsweep.tracking import connection

COMMANDS = {
    "train",
    "compare",
    "server",
    "postgres",
    "slurm",
    "where",
    "browser",
}  # fixtures that start what takes seconds
SWEEPS = {"-m", "-cn"}  # the words by which tests ask for a sweep


never_wait_for_the_disk()


def pytest_configure(config: pytest.Config) -> None:
    """Have the processes of pytest-xdist share the process that forks, which imports while they collect tests."""
    if not hasattr(config, "workerinput") and config.getoption("numprocesses", None):
        share_forks()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that start a command, a server or a browser are slow, but for those marked `fast`: one or two a floor.

    Those of a sweep's lifecycle come first, as the longest: at the end no worker waits for another one's.
    """
    items.sort(key=lambda item: item.path.parent.name != "lifecycle")
    for item in items:
        uses = COMMANDS & set(getattr(item, "fixturenames", ()))
        if uses and not item.get_closest_marker("fast"):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """Have the garbage collector leave alone what all tests have imported: looking through it takes half a second."""
    leave_alone()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new store; making one takes MLflow seconds of migrations."""
    file = tmp_path_factory.mktemp("empty") / "mlflow.db"
    connection.connect(f"sqlite:///{file}", create=True)
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
    threads = set(threading.enumerate())

    def opened(uri: str) -> BaseStorage:
        storages.append(open_storage(uri))
        return storages[-1]

    yield opened
    gc.collect()  # a study that nobody holds any more gives no sign of life, for which its thread would connect again
    wait_for(lambda: all(thread.name != "heartbeat" for thread in set(threading.enumerate()) - threads))
    for storage in storages:
        if isinstance(storage, RDBStorage):
            storage.engine.dispose()


@pytest.fixture
def train(uri: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """`python train.py …` in this process, which has imported everything already.

    A sweep is compared only where a test says `compare=true`, as this and its page take longer than most sweeps.
    """

    def train(*arguments: str) -> Ended:
        is_compared = any(argument.startswith("compare=") for argument in arguments)
        words = arguments if is_compared or not SWEEPS.intersection(arguments) else (*arguments, "compare=false")
        return run_command("train.py", words, capfd, monkeypatch)

    return train


@pytest.fixture
def compare(uri: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """`python compare.py …` in this process."""
    return lambda *arguments: run_command("compare.py", arguments, capfd, monkeypatch)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[str]:
    """A real MLflow server on loopback; its address."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    shutil.copy(empty_store, folder / "mlflow.db")
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "art")]
    options: dict[str, Any] = {"cwd": folder, "env": os.environ | SMALL_SERVER, "start_new_session": True}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, **options)
        try:
            wait_for(lambda: answers(f"http://127.0.0.1:{port}/health"))
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, 9)
            process.wait()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server of the session's own, on loopback."""
    actual = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres")) or [shutil.which("postgres")]
    if actual[-1] is None:
        pytest.skip("PostgreSQL is not installed")
    binaries = Path(actual[-1]).parent
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
        wait_for(lambda: accepts(server))
        with psycopg.connect(server.uri("postgres").replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("CREATE DATABASE store")
        make_store = f"from seedsweep.tracking.connection import connect; connect({server.uri('store')!r}, create=True)"
        run_forked("-c", make_store, check=True)  # a process that keeps no connection
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A Slurm of two nodes of the session's own, on loopback."""
    with running_slurm() as slurm:
        yield slurm
