"""The README's commands, as written there, in a clean copy of the project."""

import importlib.metadata
import json
import os
import re
import shutil
import site
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shared.commands import BANKNOTE, ROOT, needs_banknote
from shared.forks import OwnForks
from shared.waiting import SMALL_SERVER, answers, free_port, wait_for

TEXT = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [line.split("    #")[0].strip() for kind, block in BLOCKS if kind == "bash" for line in block.splitlines()]
INSTALL = next(command for command in COMMANDS if command.startswith("make wheel"))
NOT_HERE = ("make test", "make ui", INSTALL)  # this is make test; the others have tests of their own
OF_THE_DOCS = {
    name: re.findall(r"```python\n(.*?)```", (ROOT / "docs" / name).read_text(), re.DOTALL)
    for name in ("python.md", "your_own.md")
}
WALKS = {  # pages whose blocks are run one after another; those of `sh` need a network
    name: re.findall(r"```(python|bash)\n(.*?)```", (ROOT / "docs" / name).read_text(), re.DOTALL)
    for name in ("data.md", "metrics.md")
}
PYTHON = [block for kind, block in BLOCKS if kind == "python"]


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that a clone would have, set up with the packages that are installed here, so without the network."""
    folder = tmp_path_factory.mktemp("clone") / "seedsweep"
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    (packages,) = (folder / ".venv").glob("lib/*/site-packages")
    (packages / "packages.pth").write_text("\n".join([str(folder / "src"), *site.getsitepackages()]))
    for command in importlib.metadata.distribution("seedsweep").entry_points.select(group="console_scripts"):
        script = folder / ".venv" / "bin" / command.name
        script.write_text(
            f"#!{script.with_name('python')}\nfrom {command.module} import {command.attr}\n{command.attr}()\n"
        )
        script.chmod(0o755)
    (folder / ".venv" / "ready").touch()
    return folder


@pytest.fixture(scope="session")
def quick(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a `python` for the copy, which runs scripts in forks of one that has imported the copy's code."""
    folder = tmp_path_factory.mktemp("quick") / "bin"
    forks = OwnForks(str(copy / ".venv" / "bin" / "python"), clean())
    forks.stand_in(folder)
    yield folder
    forks.close()


def clean() -> dict[str, str]:
    """The environment of somebody who has set nothing for seedsweep."""
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "MLFLOW_TRACKING_URI")}


def run(command: str, folder: Path, *first: Path) -> str:
    """What the command prints, typed in a shell in which the environment is active; `first` are before it in PATH."""
    path = os.pathsep.join(map(str, (*first, folder / ".venv" / "bin", os.environ["PATH"])))
    options: dict[str, Any] = {"env": clean() | {"PATH": path}, "capture_output": True, "text": True}
    done = subprocess.run(["bash", "-c", command], cwd=folder, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in NOT_HERE])
def test_command_works_as_written(copy: Path, quick: Path, command: str) -> None:
    if "runs=results.csv" in command and not (copy / "results.csv").exists():
        run_python(PYTHON[0], copy, quick)
    elif command.startswith("python compare.py"):  # of the newest sweep, which is any of the others'
        run(next(item for item in COMMANDS if "optimizer=sgd,momentum,adam" in item), copy, quick)
    printed = run(command, copy, quick)
    if command == "make sweep":
        assert "60 runs: 60 finished" in printed
        assert re.findall(r"(\w+) lr=0.01 +10 of 10", printed) == re.findall(r"(\w+) lr=0.01 +10 of 10", TEXT)
        assert re.search(r"rmsprop wins: it beats every other.*", TEXT)[0] in printed


@pytest.mark.slow
def test_copy_runs_its_own_code(copy: Path, quick: Path) -> None:
    where = "python -c 'import seedsweep, sys; print(seedsweep.__file__, sys.prefix)'"
    assert run(where, copy) == run(where, copy, quick) == f"{copy}/src/seedsweep/__init__.py {copy}/.venv\n"


def run_python(code: str, folder: Path, quick: Path) -> str:
    (folder / "snippet.py").write_text(code)
    return run("python snippet.py", folder, quick)


@pytest.mark.slow
@pytest.mark.parametrize("code", PYTHON)
def test_python_of_the_readme_runs(copy: Path, quick: Path, code: str) -> None:
    assert "Comparison by test/accuracy of 40 runs" in run_python(code, copy, quick)


@pytest.mark.slow
@pytest.mark.parametrize("page", OF_THE_DOCS)
def test_python_of_the_docs_runs(copy: Path, quick: Path, page: str) -> None:
    run_python("\n".join(OF_THE_DOCS[page]), copy, quick)


@pytest.mark.slow
@pytest.mark.parametrize("page", WALKS)
def test_the_page_runs_from_top_to_bottom(copy: Path, quick: Path, tmp_path: Path, page: str) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(copy, folder, symlinks=True)  # its files are for its own blocks
    for kind, block in WALKS[page]:
        if kind == "bash":
            run(block, folder, quick)
            continue
        name = re.match(r"# (\w+\.py)\n", block)
        (folder / (name[1] if name else "snippet.py")).write_text(block)
        run(f"python {name[1] if name else 'snippet.py'}", folder, quick)


@pytest.mark.slow
def test_the_wheel_is_built_and_installed_as_written(copy: Path, tmp_path: Path) -> None:
    """With pip in an environment of its own, which sees the packages that seedsweep needs."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    (packages,) = (tmp_path / "env").glob("lib/*/site-packages")
    (packages / "packages.pth").write_text("\n".join(site.getsitepackages()))
    build, install = INSTALL.split(" && ")
    run(build, copy)
    run(f"PATH={tmp_path / 'env' / 'bin'}:$PATH {install}", copy)
    assert "python train.py" not in run(f"cd {tmp_path} && env/bin/seedsweep --help", copy)


@needs_banknote
def test_notebook_runs_from_a_file(copy: Path) -> None:
    assert "python train.py -cn notebook" in TEXT
    shutil.copy(BANKNOTE, copy)
    printed = run("python train.py -cn notebook data.path=banknote.csv seed=0", copy)
    assert "keras_rmsprop lr=0.01" in printed


@pytest.mark.slow
def test_ui_answers_with_the_sweeps_runs(copy: Path, quick: Path) -> None:
    run("python train.py -m optimizer=sgd,adam seed=5007,5008", copy, quick)
    port = free_port()
    process = subprocess.Popen(
        ["make", "ui", f"PORT={port}"],
        cwd=copy,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | SMALL_SERVER,
        start_new_session=True,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(f"{address}/health") or process.poll() is not None)
        assert process.poll() is None, f"ended with {process.returncode}"
        with urllib.request.urlopen(address) as page:
            assert b"MLflow" in page.read()
        runs = search(address, "tags.`seedsweep.kind` = 'run' and params.seed = '5008'")
        assert {run["info"]["run_name"] for run in runs} == {"sgd lr=0.01 seed=5008", "adam lr=0.01 seed=5008"}
        (parent,) = search(address, "tags.`seedsweep.kind` = 'sweep' and attributes.run_name ILIKE '%seed=5007,5008%'")
        children = search(
            address, f"tags.`seedsweep.kind` = 'run' and tags.`mlflow.parentRunId` = '{parent['info']['run_id']}'"
        )
        assert len(children) == 4
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def search(address: str, clause: str) -> list[dict]:
    """The runs that MLflow's REST interface finds, as its UI asks for them."""

    def post(path: str, body: dict) -> dict:
        request = urllib.request.Request(f"{address}/api/2.0/mlflow/{path}", json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())

    experiments = post("experiments/search", {"max_results": 100})["experiments"]
    ids = [experiment["experiment_id"] for experiment in experiments]
    return post("runs/search", {"experiment_ids": ids, "filter": clause}).get("runs", [])


def test_readme_is_short_and_its_links_lead_somewhere() -> None:
    assert len(TEXT.splitlines()) < 200
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", TEXT):
        assert (ROOT / link).exists(), link
