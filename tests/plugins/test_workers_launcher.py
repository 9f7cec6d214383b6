"""`hydra/launcher/workers` as options of Hydra: what they refuse, and whose workers they use."""

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from distributed import LocalCluster
from mlflow import MlflowClient
from shared.commands import Ended
from shared.stores import Postgres, runs_in
from shared.waiting import free_port, wait_for

import seedsweep
from seedsweep.errors import ConfigError
from seedsweep.lifecycle.workers import on_workers
from seedsweep.lifecycle.workers.settings import Settings

Train = Callable[..., Ended]
LOCAL, DASK, RAY, SLURM = (f"hydra/launcher/workers={kind}" for kind in ("local", "dask", "ray", "slurm"))
KEY = "hydra.launcher.workers"
SMALL = ("-m", "seed=range(0,12)", "trainer.max_epochs=1", "compare=false")
REFUSED = {
    f"{LOCAL} {KEY}.count=0": f"{KEY}.count=0: must be an integer of at least 1",
    f"{LOCAL} {KEY}.count=two": f"{KEY}.count=two: must be an integer of at least 1",
    f"{LOCAL} {KEY}.retries=0": f"{KEY}.retries=0: must be an integer of at least 1",
    f"{LOCAL} {KEY}.chunk_seconds=-1": f"{KEY}.chunk_seconds=-1: must be a finite number greater than 0",
    f"{LOCAL} {KEY}.queue=x": f"{KEY}.queue=x: there is no key",
    f"{DASK} {KEY}.address=here": f"{KEY}.address=here: must be that of a scheduler: tcp://HOST:PORT",
    f"{RAY} {KEY}.address=tcp://here": f"{KEY}.address=tcp://here: must be that of a Ray cluster: HOST:6379",
    f"{KEY}=local": f"{KEY}=local: is a group: choose its option by hydra/launcher/workers=local",
    "hydra/launcher/workers=slrm": "hydra/launcher/workers=slrm: must be one of .* did you mean slurm",
    "hydra/launcher/workers=lsf": "hydra/launcher/workers=lsf: there is no command bsub here",
    f"{LOCAL} hydra.job.chdir=true": "hydra/launcher/workers=local: cannot be with hydra.job.chdir=true",
    f"{LOCAL} batched=null": "hydra/launcher/workers=local: trains what seedsweep.run_all trains, and no other",
    f"{LOCAL} batched=os.path.join": "hydra/launcher/workers=local: trains what seedsweep.run_all trains",
    "workers=local": "workers=local: there is no key workers; did you mean hydra/launcher/workers",
}


@pytest.mark.parametrize(("typed", "said"), REFUSED.items(), ids=REFUSED)
def test_a_wrong_value_is_refused_before_anything_is_recorded(
    train: Train, client: MlflowClient, typed: str, said: str
) -> None:
    ended = train("-m", "seed=0,1", *typed.split())
    assert ended.code == 1
    assert re.search(said, ended.err), ended.err
    assert not runs_in(client, "sweep")


def test_keys_of_a_batch_system_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: "/bin/sbatch")
    assert Settings("slurm", 2, walltime="1-00:00:00", memory="1.5 GiB").count == 2
    for key, value in {"walltime": "an hour", "memory": 2, "cores": 0, "count": None, "directives": (1,)}.items():
        with pytest.raises(ConfigError, match=f"{KEY}.{key}="):
            Settings("slurm", **{"count": 2} | {key: value})


def test_options_load_nothing_heavy() -> None:
    code = "import sys, hydra_plugins.seedsweep.fleet; print(*{'torch', 'distributed', 'loky'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_scheduler_that_does_not_answer_is_named(train: Train) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    ended = train(*SMALL, DASK, f"{KEY}.address={address}", f"{KEY}.start_timeout=0.5")
    assert ended.code == 1
    assert f"{KEY}.address={address}: no scheduler answers" in ended.err


@pytest.fixture
def scheduler() -> Iterator[str]:
    """The address of a Dask scheduler with two workers of two threads each."""
    options = {"threads_per_worker": 2, "dashboard_address": None, "host": "127.0.0.1"}
    with LocalCluster(n_workers=2, silence_logs=50, **options) as cluster:
        yield cluster.scheduler_address


@pytest.mark.slow
def test_an_existing_scheduler_is_used_and_left_as_it_was(train: Train, uri: str, scheduler: str) -> None:
    assert train(*SMALL, DASK, f"{KEY}.address={scheduler}").code == 0
    first = seedsweep.load_runs("latest")
    assert train(*SMALL, DASK, f"{KEY}.address={scheduler}", "tracking.reuse=false").code == 0
    again = seedsweep.load_runs("latest")
    assert again["val/loss"].equals(first["val/loss"])
    assert set(first["outcome"]) == {"finished"}


@pytest.mark.slow
def test_a_search_runs_on_workers(train: Train, client: MlflowClient) -> None:
    search = ("hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "hydra.sweeper.seeds=2", "hydra.sweeper.confirm=0")
    ended = train("-m", *search, "trainer.max_epochs=1", LOCAL, f"{KEY}.count=1")
    assert ended.code == 0, ended.err
    assert len(runs_in(client)) == 4


# A batch system of one machine: jobs are processes, and their scripts stay where a test can read them.
SBATCH = """#!/bin/bash
[ -n "$REFUSES" ] && { echo "sbatch: error: invalid partition specified: main" >&2; exit 1; }
[ -n "$WAITS" ] && { echo 4711; exit; }
for last; do :; done
cp "$last" "$QUEUE/$$.script"
setsid bash "$QUEUE/$$.script" >"$QUEUE/$$.log" 2>&1 &
echo $! | tee "$QUEUE/$$.pid"
"""
SCANCEL = """#!/bin/bash
for id; do kill -- -$id; done
"""


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the jobs of a batch system."""
    folder = tmp_path / "queue"
    folder.mkdir()
    for name, script in {"sbatch": SBATCH, "scancel": SCANCEL}.items():
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("QUEUE", str(folder))
    return folder


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("REFUSES", "slurm refuses its jobs: sbatch: error: invalid partition specified: main"),
        ("WAITS", "no worker has started within 0.5 s: look at the queue"),
    ],
)
def test_a_queue_that_gives_no_worker_is_named(
    train: Train, queue: Path, monkeypatch: pytest.MonkeyPatch, variable: str, said: str
) -> None:
    monkeypatch.setenv(variable, "1")
    ended = train(*SMALL, SLURM, f"{KEY}.queue=main", f"{KEY}.start_timeout=0.5")
    assert ended.code == 1
    assert f"{KEY}.queue=main: {said}" in ended.err


# what submits a job, and a line of its script
BATCH_SYSTEMS = {
    "slurm": ("sbatch", "#SBATCH -p main"),
    "pbs": ("qsub", "#PBS -q main"),
    "sge": ("qsub", "#$ -q main"),
    "lsf": ("bsub", "#BSUB -q main"),
    "htcondor": ("condor_submit", "RequestMemory = "),
}


@pytest.mark.parametrize("kind", BATCH_SYSTEMS)
def test_every_batch_system_is_asked_in_its_words(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    command, line = BATCH_SYSTEMS[kind]
    submit = tmp_path / command
    submit.write_text(
        f'#!/bin/bash\nfor last; do :; done\ncat "${{last:-/dev/stdin}}" >{tmp_path}/script\necho no >&2; exit 1\n'
    )
    submit.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    named = [] if kind == "htcondor" else [f"{KEY}.queue=main"]
    ended = train(*SMALL, f"hydra/launcher/workers={kind}", *named)
    assert ended.code == 1
    said = "Command exited with non-zero exit code. bsub says why" if kind == "lsf" else "no"  # whose words are lost
    assert f"{kind} refuses its jobs: {said}" in ended.err
    assert line in (tmp_path / "script").read_text()


@pytest.mark.slow
def test_jobs_of_a_batch_system_train_and_end_and_no_password_is_anywhere(
    train: Train, queue: Path, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = postgres.copy().replace("postgres@", "postgres:s3cret@")
    sent: list[bytes] = []
    pack = on_workers.Packed.of
    monkeypatch.setattr(on_workers.Packed, "of", lambda chunk: sent.append(pickle.dumps(chunk)) or pack(chunk))
    words = (
        SLURM,
        f"{KEY}.count=2",
        f"{KEY}.queue=main",
        f"{KEY}.directives=['--account=me']",
        f"{KEY}.walltime=00:30",
    )
    ended = train(*SMALL, *words, f"tracking.uri={store}", "hydra.sweep.dir=here", "hydra.output_subdir=null")
    assert ended.code == 0, ended.err
    assert seedsweep.load_runs("latest", store)["outcome"].tolist() == ["finished"] * 12
    jobs = [int(file.read_text()) for file in queue.glob("*.pid")]
    assert len(jobs) == 2
    wait_for(lambda: not any(psutil.pid_exists(job) and psutil.Process(job).status() != "zombie" for job in jobs))
    (script, _) = (file.read_text() for file in queue.glob("*.script"))
    for line in ("#SBATCH -p main", "#SBATCH --account=me", "#SBATCH -t 00:30", "export OMP_NUM_THREADS=1"):
        assert line in script
    written = [file for folder in (queue, tmp_path / "here") for file in folder.rglob("*") if file.is_file()]
    texts = [ended.out, ended.err, *(file.read_text(errors="replace") for file in written)]
    client = MlflowClient(store)
    texts += [str(run.to_dictionary()) for kind in ("run", "sweep") for run in runs_in(client, kind)]
    assert not [text for text in texts if "s3cret" in text]
    assert sent
    assert not [task for task in sent if b"s3cret" in task]
