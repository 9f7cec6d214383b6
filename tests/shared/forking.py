"""The process that imports everything once, and whose forks are the commands of tests: a script, see `forks`."""

import atexit
import builtins
import gc
import json
import os
import selectors
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Request:
    """What a fork runs: the words after `python`, and where."""

    words: list[str]
    folder: str
    environment: dict[str, str]
    own_session: bool
    client: socket.socket


class Server:
    """Forks for whoever connects, and tells them in the end how the child ended."""

    def __init__(self, listener: socket.socket):
        self._listener, self._clients = listener, dict[int, socket.socket]()
        self._ended, self._wake = socket.socketpair()  # a byte arrives whenever a child has ended
        for end in (self._ended, self._wake):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest, which ends this process

    def serve(self) -> Request | None:
        """Only a fork returns, with what it is to run; the process itself, when nobody holds its standard input."""
        with selectors.DefaultSelector() as selector:
            for source in (self._listener, self._ended, sys.stdin.fileno()):
                selector.register(source, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._ended:
                        self._tell()
                    elif key.fileobj is not self._listener:
                        return None
                    elif request := self._fork():
                        return request

    def _tell(self) -> None:
        self._ended.recv(4096)
        with suppress(ChildProcessError):  # there is none left
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                with self._clients.pop(ended[0]) as client, suppress(OSError):  # a client that is gone
                    client.sendall(struct.pack("i", os.waitstatus_to_exitcode(ended[1])))

    def _fork(self) -> Request | None:
        client, _ = self._listener.accept()
        _, (*streams, file), _, _ = socket.recv_fds(client, 1, 4)
        if (child := os.fork()) == 0:
            self._leave(streams)
            with os.fdopen(file) as words:
                return Request(**json.load(words), client=client)
        self._clients[child] = client
        for number in (*streams, file):
            os.close(number)
        return None

    def _leave(self, streams: list[int]) -> None:
        """Be a process of its own, with these streams, that knows nothing of the server."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for stream, number in enumerate(streams):
            os.dup2(number, stream)
            os.close(number)
        for end in (self._listener, self._ended, self._wake, *self._clients.values()):
            end.close()


def become(request: Request, imported: dict[str, str]) -> None:
    """Be as a process that was started so, and say that it is there; `imported` are variables that imports have set."""
    if request.own_session:
        os.setsid()
    os.chdir(request.folder)
    own_path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ.clear()
    os.environ.update(imported | request.environment)
    given = os.environ.get("PYTHONPATH", "")
    path = [entry or request.folder for entry in given.split(os.pathsep)] if given else []  # as Python reads it
    sys.path[:] = [*path, *(entry for entry in sys.path if entry not in own_path)]
    tempfile.tempdir = None
    time.tzset()
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()  # Python itself sees to `random`
    with request.client as client:
        client.sendall(struct.pack("i", os.getpid()))


def run(words: list[str]) -> None:
    """What `python` does with these words: a script or `-c`, and arguments."""
    main = ModuleType("__main__")
    main.__dict__.update(__builtins__=builtins, __spec__=None)
    if words[0] == "-c":
        folder, name, source = "", "<string>", words[1].encode()
        del words[1]
    else:
        folder, name, source = str(Path(words[0]).parent.resolve()), words[0], Path(words[0]).read_bytes()
        main.__file__ = os.path.join(os.getcwd(), name)
    sys.argv = words
    sys.path.insert(0, folder)
    sys.modules["__main__"] = main
    try:
        exec(compile(source, name, "exec", dont_inherit=True), main.__dict__)
    except SystemExit as end:
        if not isinstance(end.code, int | None) or not 0 <= (end.code or 0) < 256:
            raise
        finish(main, end.code or 0)
    else:
        finish(main, 0)


def finish(main: ModuleType, code: int) -> None:
    """End as Python does, but leave what was imported as it is: taking it down takes half a second, as a fork copies
    what it touches. Return, for Python to end as ever, where a thread or a stream makes trouble."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for name in reversed(main.__dict__):  # whose files are flushed so
            if name != "__builtins__":
                main.__dict__[name] = None
        sys.stdout.flush()
        sys.stderr.flush()
    except (KeyboardInterrupt, AttributeError, OSError, ValueError):
        sys.exit(code)
    os._exit(code)


def import_everything() -> None:
    """All that commands import, but for Ray and Dask, which few of them do."""
    import pkgutil
    from importlib import import_module

    import seedsweep

    for module in pkgutil.walk_packages(seedsweep.__path__, "seedsweep."):
        if not module.name.endswith(("ray_workers", "dask_workers")):
            import_module(module.name)
    for name in LATE:
        import_module(name)


def never_wait_for_the_disk() -> None:
    """Have SQLite leave it to the system to write to the disk, from which a process that is killed takes nothing."""
    from sqlalchemy import Engine, event

    def unsynced(connection: Any, _: Any) -> None:
        if "sqlite3" in type(connection).__module__:
            connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", unsynced)


LATE = (  # what is imported by libraries when it is used
    *("hydra._internal.hydra", "mlflow.store.tracking.sqlalchemy_store", "optuna.storages", "pandas.io.parquet"),
    *("psycopg", "pyarrow.dataset", "rich.status", "safetensors.torch", "sklearn.datasets", "sklearn.metrics"),
    *("sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite"),
)


if __name__ == "__main__":
    del sys.path[0]  # the folder of this script, of which commands know nothing
    before = dict(os.environ)
    import_everything()
    never_wait_for_the_disk()
    gc.freeze()  # a fork would copy what the collector touches: most of a second, and two at its end
    added = {name: value for name, value in os.environ.items() if name not in before}
    request = Server(socket.socket(fileno=int(sys.argv[1]))).serve()
    if request:
        become(request, added)
        run(request.words)
