"""A command in a fork is as one that was started anew, but for the time that it takes."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from shared.forks import forks, run_forked
from shared.waiting import wait_for

SCRIPT = """
import json, os, signal, sys, tempfile
main = sys.modules["__main__"]
known = {"argv": sys.argv, "path": sys.path, "folder": os.getcwd(), "temporary": tempfile.gettempdir()}
known |= {"name": __name__, "file": globals().get("__file__"), "is main": main.__dict__ is globals()}
known |= {"handlers": [str(signal.getsignal(n)) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]}
known |= {"session": os.getsid(0) == os.getpid(), "input": sys.stdin.read(), "own": os.environ["OWN"]}
print(json.dumps(known))
"""
ENDS = {
    "sys.exit(3)": 3,
    "sys.exit('in words')": 1,
    "1 / 0": 1,
    "raise KeyboardInterrupt": -signal.SIGINT,
    "os.kill(os.getpid(), signal.SIGKILL)": -signal.SIGKILL,
    "import atexit; atexit.register(print, 'at the end')": 0,
    "import threading, time; threading.Timer(0.01, print, ['from a thread']).start()": 0,
    "sys.exit(256)": 0,
    "sys.stdout.close()": 0,
    "sys.stdout = None": 0,
    "sys.stdout = open('/dev/full', 'w'); print('lost')": 120,
    "file = open('left_open', 'w'); file.write('kept')": 0,
    "Last = type('Last', (), {'__del__': lambda self: os.write(1, b'gone')}); last = Last()": 0,
}


@pytest.mark.parametrize("as_script", [True, False])
@pytest.mark.parametrize("own_session", [True, False])
def test_a_fork_finds_what_a_new_process_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_script: bool, own_session: bool
) -> None:
    for folder in ("temporary", "on the path", "scripts", "work"):
        (tmp_path / folder).mkdir()
    (tmp_path / "scripts" / "script.py").write_text(SCRIPT)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}/on the path{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    first = ("../scripts/script.py",) if as_script else ("-c", SCRIPT)
    words = (*first, "word", "-x")
    options: dict[str, Any] = {
        "cwd": tmp_path / "work",
        "env": os.environ | {"OWN": "1"},
        "start_new_session": own_session,
    }
    anew = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # which a shell's & would have it ignore
        **options,
    )
    assert json.loads(run_forked(*words, check=True, **options).stdout) == json.loads(anew.stdout)


@pytest.mark.parametrize("code", ENDS)
def test_a_fork_ends_as_a_new_process_ends(code: str, tmp_path: Path) -> None:
    words, folders = ("-c", f"import os, signal, sys; {code}"), (tmp_path / "anew", tmp_path / "forked")
    for folder in folders:
        folder.mkdir()
    anew = subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=folders[0])
    forked = run_forked(*words, cwd=folders[1])
    files = [{file.name: file.read_text() for file in folder.iterdir()} for folder in folders]
    assert files[0] == files[1]
    assert forked.returncode == anew.returncode == ENDS[code]
    assert forked.stdout == anew.stdout
    assert forked.stderr.splitlines()[-1:] == anew.stderr.splitlines()[-1:]


def test_forks_draw_different_numbers() -> None:
    code = "import random, numpy, uuid; print(random.random(), numpy.random.random(), uuid.uuid4())"
    drawn = [run_forked("-c", code).stdout.split() for _ in range(2)]
    assert all(one != other for one, other in zip(*drawn, strict=True))


def test_forks_run_beside_one_another_and_end_by_signals(tmp_path: Path) -> None:
    code = "import pathlib, signal, sys; pathlib.Path(sys.argv[1]).touch(); signal.pause()"
    processes = [forks().start("-c", code, str(tmp_path / name)) for name in "abc"]
    wait_for(lambda: len(list(tmp_path.iterdir())) == 3)
    assert [process.poll() for process in processes] == [None] * 3
    for process in processes:
        process.send_signal(signal.SIGTERM)
    assert [process.wait() for process in processes] == [-signal.SIGTERM] * 3


def test_a_shell_has_a_python_that_forks(tmp_path: Path) -> None:
    forks().stand_in(tmp_path / "bin")
    environment = os.environ | {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    command = "echo given | python -c 'import sys; print(len(sys.modules), input()); sys.exit(3)'; echo $?; python -V"
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=True)
    (modules, given), code, version = (line.split() for line in done.stdout.splitlines())
    assert int(modules) > 1000
    assert (given, code, version[0]) == ("given", ["3"], "Python")
