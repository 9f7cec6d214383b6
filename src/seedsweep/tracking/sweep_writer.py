"""The parent run of a sweep in the MLflow store: its plan before the first run starts, its tables after the last."""

import html
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from seedsweep.config.csv_cells import safe_csv
from seedsweep.config.detail import GROUPS, RUNS
from seedsweep.config.plan import Plan
from seedsweep.errors import masked
from seedsweep.outcomes import RunResult
from seedsweep.tracking.addresses import absolute
from seedsweep.tracking.batches import write_batch
from seedsweep.tracking.chunk_copies import copy_from_chunks, copy_into_chunks
from seedsweep.tracking.chunk_files import DETAIL, ChunkedSweep
from seedsweep.tracking.connection import connect, store_errors
from seedsweep.tracking.copied_runs import copies_of, copy_runs
from seedsweep.tracking.pages import view_page, view_tag
from seedsweep.tracking.parquet import write_curves, write_runs
from seedsweep.tracking.recorded_sweeps import ASKED, RecordedSweep, end_runs, recorded, remove_running
from seedsweep.tracking.results import read_results
from seedsweep.tracking.shared_params import write_shared_params
from seedsweep.tracking.tags import create_run, experiment_id, named
from seedsweep.tracking.trained_runs import trained_runs
from seedsweep.tracking.unfinished_sweeps import PLAN, recorded_plan, remove_runs, runs_of
from seedsweep.tracking.weights import COPIED_FROM

if TYPE_CHECKING:
    import pandas as pd

CONFIG, OPTIMUM = "config.yaml", "optimum.json"
NONE: Mapping[str, str] = {}
VERSIONS = ("torch", "pytorch-lightning", "mlflow", "hydra-core", "numpy")


class SweepRecord:
    """The parent run of a sweep, which is made with its plan and its configuration.

    Args:
        uri: address of the store, which is made where there is none.
        plan: of the sweep.
        name: of the sweep.
        config: the configuration of its first job, as YAML.
        minima: what its suboptimality is measured against, each as JSON.
        tags: besides those of every sweep, by their names without `seedsweep.`.
        common: the params that all of its runs have, now and later.
        former: a sweep of the same plan, which goes on in place of a new one.

    Raises:
        ConfigError: the store is out of reach, or an experiment was deleted.
        StoreError: MLflow refused what it was asked, as in all methods.
    """

    @store_errors()
    def __init__(
        self,
        uri: str,
        plan: Plan,
        name: str,
        config: str,
        minima: Sequence[str] = (),
        tags: Mapping[str, str] = NONE,
        common: Mapping[str, str] = NONE,
        former: RecordedSweep | None = None,
    ):
        self.client = connect(uri, create=True)
        self.uri = absolute(uri)
        self.detail = former.tags.get(DETAIL, RUNS) if former else tags.get("detail", RUNS)
        self.experiment_ids = [experiment_id(self.client, experiment) for experiment in plan.experiments]
        if former:
            self.run_id = former.run_id
            return
        tags = {"kind": "sweep", "command": _command()} | dict(tags)
        tags |= {f"version.{package}": version(package) for package in VERSIONS}
        self.run_id = create_run(self.client, self.experiment_ids[0], name, named(tags), int(time.time() * 1000))
        try:
            write_shared_params(self.client, self.run_id, common)
            self.write_about(plan, config, minima)
        except BaseException as error:
            self.end("FAILED" if isinstance(error, Exception) else "KILLED")
            raise

    @store_errors()
    def write_about(self, plan: Plan, config: str, minima: Sequence[str]) -> None:
        """Write the plan of the sweep, the configuration of its first job, as YAML, and the minima of its losses."""
        self.write_plan(plan, minima)
        self.client.log_text(self.run_id, masked(config), CONFIG)

    @store_errors()
    def write_plan(self, plan: Plan, minima: Sequence[str] = ()) -> None:
        """Write the plan of the sweep, and the minima of its losses, instead of earlier ones."""
        with TemporaryDirectory() as folder:
            plan.write(Path(folder) / PLAN)
            self.client.log_artifact(self.run_id, f"{folder}/{PLAN}")
        self.client.set_tag(self.run_id, "seedsweep.planned", str(len(plan)))
        if minima:
            self.client.log_text(self.run_id, f"[{', '.join(minima)}]", OPTIMUM)

    @store_errors()
    def ask_again(self) -> None:
        """Say that the sweep's command was typed again: it is the latest sweep from now on."""
        self.client.set_tag(self.run_id, ASKED, str(int(time.time() * 1000)))

    @store_errors()
    def go_on(self, owner: str) -> None:
        """Have a sweep that ended, or whose process is gone, RUNNING again, as this process's; what has no end goes."""
        self.client.set_tag(self.run_id, "seedsweep.owner", owner)
        self.client.set_tag(self.run_id, "seedsweep.command", _command())
        self.client.update_run(self.run_id, "RUNNING")
        if self.chunks:
            self.chunks.remove_parts()
        runs = self.runs()
        remove_runs(self.client, runs["run"][runs["status"] != "FINISHED"].tolist())
        self._note_copies()

    def runs(self) -> "pd.DataFrame":
        """The runs of the sweep that are in the store, as `runs_of` has them."""
        return runs_of(self.client, self.run_id, self.chunks)

    @property
    def chunks(self) -> ChunkedSweep | None:
        """The chunks of a sweep that is recorded in groups."""
        return ChunkedSweep(self.client, self.run_id) if self.detail == GROUPS else None

    def read_plan(self) -> Plan | None:
        """The plan as it was written last, as `recorded_plan` has it."""
        return recorded_plan(self.client, self.run_id)

    def read_results(self, runs: Sequence[str], metric: str) -> dict[str, RunResult]:
        """What runs of the store that ended have of one metric, by their ids."""
        return read_results(self.client, runs, metric)

    @store_errors()
    def judged_by(self, run: str) -> str | None:
        """The metric by which the sweep was judged that has made a run, or whose run it is a copy of."""
        tags = self.client.get_run(run).data.tags
        if COPIED_FROM in tags:
            tags = self.client.get_run(tags[COPIED_FROM]).data.tags
        sweep = self.client.get_run(tags["seedsweep.sweep"])
        return sweep.data.tags.get("seedsweep.metric")

    def take_trained(self, plan: Plan, jobs: np.ndarray) -> dict[int, str]:
        """Copy what other sweeps have trained.

        Args:
            plan: of the sweep.
            jobs: those (n,) that have no run yet, ascending.

        Returns:
            Those of them that have one now, with the ids of the runs that were copied for them.
        """
        runs, is_chunked = trained_runs(self.client, plan, jobs)
        copied, sources, is_chunked = jobs[runs != ""], runs[runs != ""], is_chunked[runs != ""]
        if is_chunked.any():
            job_of = dict(zip(sources[is_chunked].tolist(), copied[is_chunked].tolist(), strict=True))
            copy_from_chunks(self.client, self.run_id, plan, job_of, self.chunks)
        if not is_chunked.all():
            others = (copied[~is_chunked], sources[~is_chunked])
            if self.chunks:
                copy_into_chunks(self.client, plan, *others, self.chunks)
            else:
                copy_runs(self.client, self.run_id, plan, *others)
        if len(copied):
            self._note_copies()
        return dict(zip(copied.tolist(), sources.tolist(), strict=True))

    def _note_copies(self) -> None:
        """Have the sweep say how many of its runs are copies, and of which sweeps."""
        copies = Counter(copies_of(self.client, self.run_id))
        for chunk in self.chunks.chunks(["copied_from", "copied_sweep"]) if self.chunks else ():
            about = chunk.runs.select(["copied_from", "copied_sweep"]).to_pylist()
            copies.update(row["copied_sweep"] for row in about if row["copied_from"])
        if copies:
            sources = ", ".join(filter(None, copies))[:5000]
            self.write_progress({"copied": str(sum(copies.values())), "copied_from": sources}, {}, 0)

    @store_errors()
    def reap(self) -> None:
        """End as KILLED the runs that processes which are gone left RUNNING."""
        end_runs(self.client, self.run_id, "KILLED")

    @store_errors()
    def remove_running(self) -> None:
        """Mark as deleted the runs that are RUNNING, which somebody makes again."""
        remove_running(self.client, self.run_id)

    @store_errors()
    def recorded(self) -> RecordedSweep:
        """The sweep as the store has it now."""
        return recorded(self.client.get_run(self.run_id))

    @store_errors()
    def page(self, metric: str, params: Sequence[str]) -> str:
        """The page in MLflow's UI with the sweep's runs, the best by a metric first, and columns of these params."""
        kind = "best" if self.detail == GROUPS else "run"
        self.client.set_experiment_tag(self.experiment_ids[0], *view_tag(self.run_id, metric, params, kind))
        return view_page(self.experiment_ids[0], self.run_id)

    @store_errors()
    def write(self, runs: Iterable["pd.DataFrame"], curves: Iterable["pd.DataFrame"]) -> None:
        """Write the tables of the runs and of their curves, which come in parts."""
        with TemporaryDirectory() as folder:
            write_runs(runs, Path(folder) / "runs.parquet")
            write_curves(curves, Path(folder) / "curves.parquet")
            self.client.log_artifacts(self.run_id, folder)

    @store_errors()
    def write_table(self, table: "pd.DataFrame", name: str) -> None:
        """Write a table as an artifact: a CSV file of that name."""
        self.client.log_text(self.run_id, safe_csv(table), name)

    @store_errors()
    def write_progress(self, tags: Mapping[str, str], metrics: Mapping[str, float], step: int) -> None:
        """Write how far the sweep has come: tags, and metrics whose curves go on at that step."""
        now = int(time.time() * 1000)
        points = [(metric, value, now, step) for metric, value in metrics.items()]
        write_batch(self.client, self.run_id, points, tags=[(f"seedsweep.{key}", tags[key]) for key in tags])

    @store_errors()
    def close(self, status: str, counts: Mapping[str, int], summary: "pd.DataFrame") -> None:
        """Write the counts of the outcomes and the summary of the groups; end the sweep with `status`."""
        self.write_table(summary, "summary.csv")
        self.client.set_tag(self.run_id, "mlflow.note.content", _markdown(summary)[:5000])
        for name, count in counts.items():
            self.client.set_tag(self.run_id, f"seedsweep.{name}", str(count))
        self.end(status)

    @store_errors()
    def end(self, status: str) -> None:
        """End the sweep with a status of MLflow's."""
        self.client.set_terminated(self.run_id, status)


def _command() -> str:
    """What was typed, to be typed again."""
    python = ["python"] if sys.argv[0].endswith(".py") else []
    return masked(shlex.join([*python, *sys.argv]))


def _markdown(table: "pd.DataFrame") -> str:
    """The table as MLflow's UI shows it above a run's parameters."""
    rows: list[list[str]] = [list(map(str, table)), ["---"] * len(table.columns)]
    rows += table.astype(str).to_numpy().tolist()
    return "\n".join(f"| {' | '.join(map(_as_text, row))} |" for row in rows)


def _as_text(value: str) -> str:
    """A cell that is no HTML, and does not end."""
    return html.escape(" ".join(value.replace("|", "/").split()), quote=False)
