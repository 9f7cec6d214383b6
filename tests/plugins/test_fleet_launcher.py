"""The fleet launcher as a plugin of Hydra: under its own suites, under other sweepers, for other applications."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.test_utils.launcher_common_tests import BatchedSweeperTestSuite, IntegrationTestSuite, LauncherTestSuite
from mlflow import MlflowClient
from omegaconf import OmegaConf
from shared.commands import Ended
from shared.forks import run_forked
from shared.stores import runs_in

import seedsweep
from seedsweep.errors import masked

CHDIR = "hydra.job.chdir=true"  # what Hydra's suites expect; before version_base=1.2 it was the default


@pytest.mark.parametrize(("launcher_name", "overrides"), [("fleet", [CHDIR])])
class TestFleetLauncher(LauncherTestSuite):  # type: ignore[misc]
    """Hydra's own tests of a launcher."""


@pytest.mark.parametrize(
    ("launcher_name", "overrides"), [("fleet", ["hydra/sweeper=basic", "hydra.sweeper.max_batch_size=2", CHDIR])]
)
class TestFleetLauncherInBatches(BatchedSweeperTestSuite):  # type: ignore[misc]
    """Hydra's own tests of a launcher that gets a sweep in batches."""


DEFAULTS = [
    {"override hydra/launcher": "fleet"},
    {"override hydra/hydra_logging": "hydra_debug"},
    {"override hydra/job_logging": "disabled"},
]


@pytest.mark.slow
@pytest.mark.parametrize(("task_launcher_cfg", "extra_flags"), [({"defaults": DEFAULTS}, ["-m"])])
class TestFleetLauncherInApplications(IntegrationTestSuite):  # type: ignore[misc]
    """Hydra's own tests of a launcher in applications, each a process."""


def test_launcher_is_discovered_by_hydra() -> None:
    assert "FleetLauncher" in [plugin.__name__ for plugin in Plugins.instance().discover(Launcher)]


def test_launcher_is_discovered_without_heavy_imports() -> None:
    code = "import sys, hydra_plugins.seedsweep.fleet; print(*{'torch', 'mlflow', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


# An application that is not ours: it multiplies, and knows a quicker way to do so for many.
APP = """
import json, os
import hydra
from pathlib import Path
from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import OmegaConf

def vars_of(job):
    told = {"config": job.config, "choices": dict(job.choices), "overrides": job.overrides, "number": job.number}
    return told | {"environment": os.environ.get("UNIT")}

def run_all(jobs):
    told = [vars_of(job) for job in jobs]
    Path("told.jsonl").open("a").write(json.dumps(told, default=str, skipkeys=True) + "\\n")
    return [ValueError("three") if j.config["x"] == 3 else j.config["x"] * j.config["unit"]["factor"] for j in jobs]

class Noting(Callback):
    def note(self, kind, config, *more):
        here = os.path.basename(HydraConfig.get().runtime.output_dir)
        line = [kind, config.x, config.hydra.job.num, here, *more]
        Path("noted.jsonl").open("a").write(json.dumps(line) + "\\n")

    def on_job_start(self, config, task_function, **kwargs):
        self.note("start", config)

    def on_job_end(self, config, job_return, **kwargs):
        self.note("end", config, job_return.status.name, job_return._return_value, list(job_return.overrides))

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config):
    print("alone", config.x)
    if config.x == 3:
        raise ValueError("three")
    return config.x * config.unit.factor

if __name__ == "__main__":
    main()
"""
CONFIG = """
defaults: [unit: one, override hydra/launcher: fleet, override hydra/sweeper: asking, _self_]
x: 1
name: ${unit.name}${x}
secret: postgresql://me:s3cret@127.0.0.1/runs
"""
# Asks for the next values of x only after the last ones are known, and writes down all that came back.
ASKING = """
import json, sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.plugins.sweeper import Sweeper
from omegaconf import OmegaConf

class AskingSweeper(Sweeper):
    def __init__(self, rounds, width):
        self.rounds, self.width = rounds, width

    def setup(self, *, hydra_context, task_function, config):
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config)

    def sweep(self, arguments):
        best, number, returns = 1, 0, []
        for _ in range(self.rounds):
            batch = [[*arguments, f"x={best + step}"] for step in range(self.width)]
            returns.append(self.launcher.launch(batch, initial_job_idx=number))
            number += len(batch)
            done = [job.return_value for job in returns[-1] if job.status == JobStatus.COMPLETED]
            best = int(max(done))
        seen = [[self.seen(job) for job in batch] for batch in returns]
        Path("returns.json").write_text(json.dumps(seen))
        return returns

    def seen(self, job):
        hydra = job.hydra_cfg.hydra
        with_paths = OmegaConf.to_container(hydra, resolve=False)
        return {
            "status": job.status.name, "value": repr(job._return_value), "overrides": list(job.overrides),
            "config": OmegaConf.to_container(job.cfg), "working_dir": job.working_dir, "task_name": job.task_name,
            "hydra": {key: with_paths[key] for key in ("job", "overrides", "sweep")},
            "choices": OmegaConf.to_container(hydra.runtime.choices), "output_dir": hydra.runtime.get("output_dir"),
        }

@dataclass
class Conf:
    _target_: str = "hydra_plugins.asking.AskingSweeper"
    rounds: int = 2
    width: int = 2

ConfigStore.instance().store(group="hydra/sweeper", name="asking", node=Conf, provider="asking")
"""


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the application; its processes find its sweeper as a plugin."""
    folder = tmp_path / "theirs"
    for path, text in {
        "app.py": APP,
        "conf/config.yaml": CONFIG,
        "conf/unit/one.yaml": "name: one\nfactor: 1\n",
        "conf/unit/two.yaml": "name: two\nfactor: 2\n",
        "hydra_plugins/asking.py": ASKING,
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    return folder


def sweep(folder: Path, *arguments: str, code: int = 0) -> str:
    """What the application prints as it sweeps."""
    done = run_forked("app.py", "-m", "hydra.sweep.dir=sweep", *arguments, cwd=folder)
    assert done.returncode == code, done.stderr
    return done.stdout


def returned(folder: Path) -> list[dict[str, Any]]:
    """All that came back to the sweeper, job by job."""
    return [job for batch in json.loads((folder / "returns.json").read_text()) for job in batch]


def told(folder: Path) -> list[list[dict[str, Any]]]:
    """What the batched function got in each of its calls."""
    return [json.loads(line) for line in (folder / "told.jsonl").read_text().splitlines()]


def test_application_without_a_batched_form_runs_job_by_job(theirs: Path) -> None:
    out = sweep(theirs, "hydra/sweeper=basic", "x=1,2", "unit=one,two")
    assert [line for line in out.splitlines() if line.startswith("alone")] == [
        "alone 1",
        "alone 1",
        "alone 2",
        "alone 2",
    ]
    assert not (theirs / "told.jsonl").exists()
    assert OmegaConf.load(theirs / "sweep" / "3" / ".hydra" / "overrides.yaml") == ["x=2", "unit=two"]


@pytest.mark.parametrize("batched", ["+batched=app.run_all", "hydra.launcher.batched=app.run_all"])
def test_batched_form_gets_the_composed_jobs_of_each_batch(theirs: Path, batched: str) -> None:
    out = sweep(theirs, "hydra/sweeper=basic", "hydra.sweeper.max_batch_size=2", batched, "unit=two", "x=1,2,5")
    assert "alone" not in out
    first, second = told(theirs)
    assert [job["number"] for job in first + second] == [0, 1, 2]
    assert [job["overrides"][-1] for job in first + second] == ["x=1", "x=2", "x=5"]
    (job,) = second
    job["config"].pop("batched", None)
    assert job["config"] == {
        "unit": {"name": "two", "factor": 2},
        "x": 5,
        "name": "two5",
        "secret": "postgresql://me:s3cret@127.0.0.1/runs",
    }
    assert job["choices"]["unit"] == "two"
    assert job["choices"]["hydra/launcher"] == "fleet"


def test_sweeper_that_asks_gets_values_in_order_and_failures(theirs: Path) -> None:
    sweep(theirs, "hydra.launcher.batched=app.run_all", "unit=one")
    assert [(job["overrides"][-1], job["status"], job["value"]) for job in returned(theirs)] == [
        ("x=1", "COMPLETED", "1"),
        ("x=2", "COMPLETED", "2"),
        ("x=2", "COMPLETED", "2"),
        ("x=3", "FAILED", "ValueError('three')"),
    ]
    assert [job["number"] for batch in told(theirs) for job in batch] == [0, 1, 2, 3]


def test_job_returns_are_those_of_hydra(theirs: Path) -> None:
    sweep(theirs, "unit=two", "hydra.sweeper.rounds=1", "hydra.sweeper.width=3")
    alone = returned(theirs)
    sweep(theirs, "unit=two", "hydra.sweeper.rounds=1", "hydra.sweeper.width=3", "hydra.launcher.batched=app.run_all")
    batched = returned(theirs)
    for job in alone + batched:
        del job["hydra"]["overrides"]["hydra"]  # which name the batched function
    assert batched == alone
    assert [job["status"] for job in batched] == ["COMPLETED", "COMPLETED", "FAILED"]


def test_a_change_of_the_working_directory_has_jobs_run_one_by_one(theirs: Path) -> None:
    out = sweep(theirs, "hydra/sweeper=basic", "hydra.launcher.batched=app.run_all", CHDIR, "x=1,2")
    assert out.count("alone") == 2
    assert not list(theirs.rglob("told.jsonl"))


@pytest.mark.slow
def test_callbacks_are_called_for_each_job_as_by_hydra(theirs: Path) -> None:
    command = ("hydra/sweeper=basic", "x=1,2", "+hydra.callbacks.noting._target_=app.Noting")
    seen = []
    for batched in ("null", "app.run_all"):
        sweep(theirs, *command, f"hydra.launcher.batched={batched}")
        noted = (theirs / "noted.jsonl").read_text().splitlines()
        seen.append(sorted(map(json.loads, noted)))
        (theirs / "noted.jsonl").unlink()
    assert seen[0] == seen[1]
    assert [kind for kind, *_ in seen[1]] == ["end", "end", "start", "start"]
    assert len(told(theirs)[0]) == 2


IDIOMS = {
    "${hydra.job.override_dirname}": ["x=1", "x=2"],
    "${hydra.job.num}_${x}": ["0_1", "1_2"],
    "${hydra.job.id}": ["0", "1"],
}


@pytest.mark.parametrize(("subdir", "names"), IDIOMS.items(), ids=IDIOMS)
def test_folders_are_named_in_hydras_own_idioms(theirs: Path, subdir: str, names: list[str]) -> None:
    command = ("hydra/sweeper=basic", f"hydra.sweep.subdir={subdir}", "x=1,2", "hydra.launcher.job_dirs=true")
    sweep(theirs, *command, "hydra.launcher.batched=app.run_all")
    assert sorted(file.parent.name for file in (theirs / "sweep").glob("*/.hydra")) == names


def test_values_that_hydra_fills_in_for_each_job_are_there(theirs: Path) -> None:
    command = (
        "+out=${hydra:runtime.output_dir}",
        "+id=${hydra:job.id}",
        "+num=${hydra:job.num}",
        "hydra.sweeper.rounds=1",
    )
    sweep(theirs, *command, "hydra.launcher.batched=app.run_all")
    assert [(job["config"]["out"], job["config"]["id"], job["config"]["num"]) for job in told(theirs)[0]] == [
        (str(theirs / "sweep" / "0"), "0", 0),
        (str(theirs / "sweep" / "1"), "1", 1),
    ]


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "jobs.jsonl").read_text().splitlines()]


def test_one_file_holds_what_hydra_keeps_of_each_job(theirs: Path) -> None:
    sweep(theirs, "hydra.launcher.batched=app.run_all", "unit=two")
    jobs = lines(theirs / "sweep")
    assert [job["job"] for job in jobs] == [0, 1, 2, 3]
    assert jobs[1]["overrides"] == ["unit=two", "x=2"]
    assert jobs[1]["config"]["unit"] == {"name": "two", "factor": 2}
    assert jobs[1]["config"]["secret"] == "postgresql://me:***@127.0.0.1/runs"
    assert [file.name for file in (theirs / "sweep").iterdir()] == ["jobs.jsonl"]


def test_file_of_jobs_is_that_of_the_last_sweep_in_its_folder(theirs: Path) -> None:
    for x in (5, 6):
        sweep(theirs, "hydra/sweeper=basic", "hydra.launcher.batched=app.run_all", f"x={x},7")
    assert [(job["job"], job["overrides"]) for job in lines(theirs / "sweep")] == [(0, ["x=6"]), (1, ["x=7"])]


TYPED = """
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from hydra.core.config_store import ConfigStore

class Colour(Enum):
    RED = 1

@dataclass
class Typed:
    colour: Colour = Colour.RED
    path: Path = Path("here")
    raw: bytes = b"raw"
    far: float = float("inf")
    by_colour: dict[Colour, int] = field(default_factory=lambda: {Colour.RED: 2})

ConfigStore.instance().store(group="typed", name="typed", node=Typed)
"""


def test_values_of_every_type_are_kept_as_hydra_writes_them(theirs: Path) -> None:
    (theirs / "hydra_plugins" / "typed.py").write_text(TYPED)
    sweep(theirs, "hydra/sweeper=basic", "hydra.launcher.batched=app.run_all", "+typed=typed", "x=1,2")
    for job in lines(theirs / "sweep"):
        assert job["config"]["typed"]["colour"] == "RED"
        assert job["config"]["typed"]["path"] == "here"


READS = "+read=${oc.env:UNIT,none}"


def test_environment_of_the_jobs_is_set(theirs: Path) -> None:
    sweep(
        theirs, "hydra.launcher.batched=app.run_all", "+hydra.job.env_set.UNIT=metre", "hydra.sweeper.rounds=1", READS
    )
    assert {job["environment"] for job in told(theirs)[0]} == {"metre"}
    assert {job["config"]["read"] for job in told(theirs)[0]} == {"metre"}


def test_no_output_subdir_leaves_no_file(theirs: Path) -> None:
    sweep(theirs, "hydra.launcher.batched=app.run_all", "hydra.output_subdir=null")
    assert not list((theirs / "sweep").iterdir())


@pytest.mark.slow
def test_job_dirs_are_those_of_hydra(theirs: Path) -> None:
    command = ("hydra/sweeper=basic", "x=1,2", "unit=one,two")
    batched = ("hydra.launcher.batched=app.run_all", "hydra.launcher.job_dirs=true")
    sweep(theirs, *command, *batched, "hydra.sweep.dir=ours")
    sweep(theirs, *command, "hydra/launcher=basic", "hydra.sweep.dir=hydras")
    for number in range(4):
        ours, hydras = (theirs / folder / str(number) / ".hydra" for folder in ("ours", "hydras"))
        assert sorted(file.name for file in ours.iterdir()) == ["config.yaml", "hydra.yaml", "overrides.yaml"]
        for name in ("config.yaml", "overrides.yaml"):
            assert (ours / name).read_text() == masked((hydras / name).read_text())
        texts = (masked((folder / "hydra.yaml").read_text()) for folder in (ours, hydras))
        left, right = (OmegaConf.to_container(OmegaConf.create(text)) for text in texts)
        for content, folder in ((left, "ours"), (right, "hydras")):
            assert content["hydra"]["runtime"].pop("output_dir") == str(theirs / folder / str(number))
            assert content["hydra"]["sweep"].pop("dir") == folder
            del content["hydra"]["launcher"], content["hydra"]["overrides"]["hydra"]
            choices = content["hydra"]["runtime"]["choices"]
            for group in ("hydra/launcher", "hydra/launcher/workers"):
                choices.pop(group, None)
        assert left == right


EPOCH = ("seed=0,1,2", "trainer.max_epochs=1")


@pytest.mark.parametrize("words", ["hydra.sweeper.max_batch_size=2", "hydra/sweeper=basic"])
def test_fleets_are_trained_under_other_sweepers(train: Callable[..., Ended], client: MlflowClient, words: str) -> None:
    assert train("-m", words, *EPOCH).code == 0
    assert {run.data.tags["seedsweep.engine"] for run in runs_in(client)} == {"fleet"}
    assert sorted(run.data.params["seed"] for run in runs_in(client)) == ["0", "1", "2"]


@pytest.mark.parametrize("words", [("hydra/launcher=basic",), ("hydra/launcher=joblib", "hydra.launcher.n_jobs=1")])
def test_other_launchers_train_the_same_runs(
    train: Callable[..., Ended], client: MlflowClient, words: tuple[str, ...]
) -> None:
    assert train("-m", *words, "seed=0,1", "trainer.max_epochs=1").code == 0
    assert train("-m", "seed=0,1", "trainer.max_epochs=1", "tracking.reuse=false").code == 0
    engines = [run.data.tags["seedsweep.engine"] for run in runs_in(client)]
    assert sorted(engines) == ["fleet", "fleet", "lightning", "lightning"]
    actual = seedsweep.load_runs()
    assert actual.groupby("name")["val/loss"].agg(lambda pair: pair.max() - pair.min()).max() < 1e-6
