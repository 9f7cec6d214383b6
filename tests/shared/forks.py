"""Commands in forks of a process that has imported everything: real processes whose start takes no seconds."""

import atexit
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from shared.forked import Forked

SERVER = Path(__file__).with_name("forking.py")
AT_FIRST = dict(os.environ)  # as it is before any test has changed it
SHARED = "SEEDSWEEP_TESTS_FORKS"  # the variable with the address of forks that are shared


class Forks:
    """What asks the process at an address to fork, whose `python` it is."""

    def __init__(self, address: str, python: str = sys.executable):
        self.address, self._python = address, python

    def start(self, *words: str, **options: Any) -> Forked:
        """`python …` with these words, and options of `Forked`."""
        return Forked(self.address, words, **options)

    def stand_in(self, folder: Path) -> None:
        """Make a `python` in that folder that a shell can start: scripts and `-c` run in forks, all else as ever."""
        lines = [f"#!{self._python} -IS", "import sys", f"sys.path.append({str(SERVER.parents[1])!r})"]
        lines += ["from shared.forked import stand_in", f"stand_in({self.address!r}, {self._python!r})", ""]
        folder.mkdir()
        (folder / "python").write_text("\n".join(lines))
        (folder / "python").chmod(0o755)


class OwnForks(Forks):
    """The process itself, which forks until it is closed: in an environment in which `python` finds seedsweep."""

    def __init__(self, python: str = sys.executable, environment: Mapping[str, str] = AT_FIRST):
        self._folder = tempfile.TemporaryDirectory(prefix="forks-")
        super().__init__(os.path.join(self._folder.name, "socket"), python)
        with socket.socket(socket.AF_UNIX) as listener:  # there at once: who comes early waits for the imports
            listener.bind(self.address)
            listener.listen(64)
            command = [python, str(SERVER), str(listener.fileno())]
            options: dict[str, Any] = {"pass_fds": [listener.fileno()], "env": environment, "cwd": self._folder.name}
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, **options)

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate()
        self._folder.cleanup()


def share_forks() -> None:
    """Have the processes that this one starts ask one process to fork, as importing everything takes five seconds."""
    os.environ[SHARED] = forks().address


@cache
def forks() -> Forks:
    """Those of this environment, which end with the process that asked first."""
    if SHARED in AT_FIRST:
        return Forks(AT_FIRST[SHARED])
    started = OwnForks()
    atexit.register(started.close)
    return started


def run_forked(*words: str, check: bool = False, **options: Any) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run` of `python` with these words, its output captured."""
    process = forks().start(*words, **options)
    out, err = process.communicate()
    done = subprocess.CompletedProcess(words, process.wait(), out, err)
    if check:
        done.check_returncode()
    return done
