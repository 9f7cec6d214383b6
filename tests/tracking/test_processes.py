"""A process that lives is told from one that has ended, whoever has its id by now."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from shared.commands import ROOT

from seedsweep.tracking import processes


def test_a_process_that_has_ended_is_told_from_another_with_its_id() -> None:
    this = processes.this_process()
    assert processes.alive(this)
    assert not processes.alive(this | {"start": "1"})
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        other = this | {"pid": process.pid, "start": processes._start(process.pid)}
        assert processes.alive(other)
    assert not processes.alive(other)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system has no /proc")
def test_the_start_is_the_tick_that_earlier_versions_recorded() -> None:
    tick = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    assert processes.this_process()["start"] == tick


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_fork_is_another_process() -> None:
    code = """
import json, os
from seedsweep.tracking.processes import alive, this_process
parent, (reader, writer) = this_process(), os.pipe()
if os.fork() == 0:
    os.write(writer, json.dumps([this_process(), alive(parent), alive(this_process())]).encode())
    os._exit(0)
child, *lives = json.loads(os.read(reader, 10_000))
print(json.dumps([child["pid"] != parent["pid"], *lives]))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == [True] * 3


def test_a_process_that_has_not_been_waited_for_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        this = processes.this_process() | {"pid": process.pid, "start": processes._start(process.pid)}
        assert process.stdout
        process.stdout.read()  # which ends with it
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not processes.alive(this)


def test_where_no_start_was_recorded_the_id_decides() -> None:
    assert processes.alive({"pid": os.getpid(), "start": None})
    assert not processes.alive({"pid": 2**22 + 1, "start": None})  # above Linux' largest id


def test_a_process_of_another_user_that_the_system_hides_is_not_lost() -> None:
    code = """
import json
from seedsweep.tracking.processes import alive
print(json.dumps([alive({"pid": pid, "start": "1"}) for pid in (1, 2**22 + 1)]))
"""
    hidden = "mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid 65534 --regid 65534 --clear-groups "
    command = ["unshare", "--mount", "sh", "-c", f'{hidden} "$0" -c "$1"', sys.executable, code]
    if os.name != "posix" or os.getuid() != 0 or not (shutil.which("unshare") and shutil.which("setpriv")):
        pytest.skip("needs root")
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if ended.returncode:
        pytest.skip(f"this system does not let its /proc be mounted, or its packages be read: {ended.stderr[-200:]}")
    assert json.loads(ended.stdout) == [True, False]
