"""A command in a fork, as the process of `forking` makes it, for whoever knows the address of that process.

Only of the standard library, which is all that `stand_in` needs and waits for.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

PATIENCE = 300  # seconds for an event, on a machine that others use, too


class Forked:
    """A `python …` in a fork, with what tests use of `subprocess.Popen`; what it prints is there at its end."""

    def __init__(
        self,
        address: str,
        words: Sequence[str],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        start_new_session: bool = False,
        streams: Sequence[int] | None = None,
    ):
        self.args, self.returncode, self._printed = list(words), None, ("", "")
        self._files: list[IO[bytes]] = [] if streams else [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115
        self._server = socket.socket(socket.AF_UNIX)
        self._server.connect(address)
        environment = dict(os.environ if env is None else env)
        request = {"words": self.args, "folder": str(cwd or Path.cwd()), "environment": environment}
        with tempfile.TemporaryFile("w+") as file, open(os.devnull) as nothing:
            json.dump(request | {"own_session": start_new_session}, file)
            file.seek(0)
            streams = streams or [stream.fileno() for stream in (nothing, *self._files)]
            socket.send_fds(self._server, [b" "], [*streams, file.fileno()])
            self.pid = self._answer()

    def _answer(self) -> int:
        answer = self._server.recv(4, socket.MSG_WAITALL)
        assert answer, "the process that forks has ended"
        return int.from_bytes(answer, sys.byteorder, signed=True)

    def poll(self) -> int | None:
        """How it has ended, as `subprocess` says it; None while it runs."""
        if self.returncode is None and select.select([self._server], [], [], 0)[0]:
            self._end()
        return self.returncode

    def wait(self, timeout: float = PATIENCE) -> int:
        if self.returncode is None:
            if not select.select([self._server], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout)
            self._end()
        assert self.returncode is not None
        return self.returncode

    def _end(self) -> None:
        self.returncode = self._answer()
        self._server.close()
        printed = [os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode() for file in self._files]
        for file in self._files:
            file.close()
        self._printed = (printed[0], printed[1]) if printed else ("", "")

    def communicate(self, timeout: float = PATIENCE) -> tuple[str, str]:
        """What it has printed until its end."""
        self.wait(timeout)
        return self._printed

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> "Forked":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.wait()


def stand_in(address: str, python: str) -> None:
    """Be `python`: end as the fork does that was asked for."""
    words = sys.argv[1:]
    if not words or (words[0].startswith("-") and words[0] != "-c"):
        os.execv(python, [python, *words])
    code = Forked(address, words, streams=[0, 1, 2]).wait(2 * PATIENCE)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)
