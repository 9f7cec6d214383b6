"""The plan of a sweep: the runs that it will have, in a file and not in memory, since there may be very many."""

import csv
import hashlib
import os
import shutil
from array import array
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TextIO
from weakref import finalize

import numpy as np

from seedsweep.config.csv_cells import original, safe, writer
from seedsweep.config.cutting import cut
from seedsweep.config.demand import Demand
from seedsweep.config.params import LONGEST
from seedsweep.config.planned_run import PlannedRun
from seedsweep.errors import ConfigError

CSV: dict[str, Any] = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}
IDENTITY = ("job", "name", "group", "key", "experiment")  # the first columns


class Plan:
    """Planned runs, in groups that differ in nothing but seeds; `check` says whether each is trained once."""

    def __init__(self) -> None:
        self.experiments: dict[str, None] = {}
        self._file = _temporary()
        finalize(self, self._file.close)
        self._writer = writer(self._file)
        self._columns = {name: position for position, name in enumerate(IDENTITY)}
        self._incomplete = 0  # rows at the beginning that lack a column
        self._keys = array("Q")
        self._demands: dict[Demand, int] = {}  # with their indices
        self._demand = array("L")  # index of each run's demand
        self._first: dict[str, PlannedRun] = {}  # run of each group
        self.common_params: dict[str, str] = {}  # that all runs have, with one value
        self.groups: dict[str, int] = {}  # with their indices
        self._names: list[str] = []
        self._cells: dict[str, list[Any]] = {}  # of the row of a run of each group
        self._group = array("L")  # index of each run's group

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, run: PlannedRun) -> None:
        """Add a run; raises `ConfigError` if one of its group differs from it in more than seeds."""
        first = self._first.setdefault(run.group, run)
        differs_in_seeds = run is not first and run.differs_in_seeds(first)
        if run is not first and not differs_in_seeds and (differing := first.different(run)):
            allowed = f"would name two groups, with another {differing[0]}; sweep that key itself ({differing[0]}=…,…)"
            raise ConfigError("sweep", run.group, allowed)
        self._writer.writerow(self._like(run) if differs_in_seeds else self._row(run))
        self._keep_common(run, differs_in_seeds)
        self.experiments[run.experiment] = None
        self._keys.append(int(run.key, 16))
        self._demand.append(self._demands.setdefault(run.demand, len(self._demands)))
        if first is run:
            self._names.append(run.group)
        self._group.append(self.groups.setdefault(run.group, len(self.groups)))

    def _row(self, run: PlannedRun) -> list[Any]:
        """The cells of a run, which are kept for the others of its group."""
        values = {key: getattr(run, key) for key in IDENTITY} | run.recorded_params
        for key in [key for key in values if key not in self._columns]:
            self._columns[key] = len(self._columns)
            self._incomplete = len(self)
        cells = self._cells[run.group] = [safe(values.get(key, "")) for key in self._columns]
        return cells

    def _like(self, run: PlannedRun) -> list[Any]:
        """The cells of a run that differs in seeds from one of its group."""
        cells, seeds = self._cells[run.group].copy(), run.shared_params[-1]
        for key in IDENTITY:
            cells[self._columns[key]] = safe(getattr(run, key))
        for key, value in seeds.items():
            cells[self._columns[key]] = safe(cut(value, LONGEST))
        return cells + [""] * (len(self._columns) - len(cells))

    def _keep_common(self, run: PlannedRun, differs_in_seeds: bool) -> None:
        """Leave among the params of all runs those that this one has, too."""
        common = self.common_params
        if not len(self):
            self.common_params = run.params
        elif differs_in_seeds:
            for key, value in run.shared_params[-1].items():
                if common.get(key, value) != value:
                    del common[key]
        else:
            params = run.params
            self.common_params = {key: value for key, value in common.items() if params.get(key) == value}

    def check(self) -> None:
        """Raise `ConfigError` if two of the runs would be trained alike."""
        keys = np.array(self._keys)
        order = np.argsort(keys, kind="stable")
        repeated = order[1:][keys[order][1:] == keys[order][:-1]]
        if len(repeated):
            second = int(repeated.min())
            first = self.name(int(np.flatnonzero(keys == keys[second])[0]))
            allowed = f"is trained as {first} already, and would count as one more seed; leave one of them out"
            raise ConfigError("sweep", self.name(second), allowed)

    @property
    def keys(self) -> np.ndarray:
        """The keys of the runs, (n,) uint64."""
        return np.array(self._keys, dtype=np.uint64)

    def demands(self) -> Iterator[tuple[Demand, np.ndarray]]:
        """What is asked of runs that were trained before, and the indices (n,) of the runs that it is asked of."""
        asked = np.array(self._demand)
        for demand, index in self._demands.items():
            yield demand, np.flatnonzero(asked == index)

    def digest(self) -> str:
        """A hash of all that is written of the runs, and of what is asked of them."""
        digest = hashlib.sha256(repr((list(self._columns), list(self._demands))).encode())
        with self._read() as rows:
            for line in rows:
                digest.update(line.encode(errors="surrogateescape"))
        return digest.hexdigest()[:16]

    def runs(self, jobs: Collection[int]) -> Iterator[PlannedRun]:
        """Runs as they are written, in the order of the plan.

        Args:
            jobs: their indices.

        Returns:
            Each with its params as long as MLflow takes them, and no demand.
        """
        chosen, names = frozenset(jobs), list(self._columns)
        with self._read() as rows:
            for job, row in enumerate(csv.reader(rows)):
                if job in chosen:
                    yield _written(names, row)

    @classmethod
    def of_file(cls, file: Path) -> "Plan":
        """The plan that `write` has written to a file."""
        plan = cls()
        with file.open(**CSV) as stream:
            rows = csv.reader(stream)
            names = list(map(original, next(rows)))
            for row in rows:
                plan.add(_written(names, row))
        return plan

    def first_of(self, group: str) -> PlannedRun:
        """The first run of a group."""
        return self._first[group]

    def group(self, job: int) -> str:
        """The group of a run."""
        return self._names[self._group[job]]

    def name(self, job: int) -> str:
        """The name of a run."""
        with self._read() as rows:
            return str(original(next(islice(csv.reader(rows), job, None))[IDENTITY.index("name")]))

    def write(self, file: Path) -> None:
        """Write the plan as CSV, a row a run: what identifies it, then its params."""
        with self._read() as rows, file.open("w", **CSV) as stream:
            written = writer(stream)
            written.writerow(map(safe, self._columns))
            for row in islice(csv.reader(rows), self._incomplete):
                written.writerow(row + [""] * (len(self._columns) - len(row)))
            shutil.copyfileobj(rows, stream)

    @contextmanager
    def _read(self) -> Iterator[TextIO]:
        self._file.seek(0)
        try:
            yield self._file
        finally:
            self._file.seek(0, os.SEEK_END)


def _written(names: Iterable[str], row: Iterable[str]) -> PlannedRun:
    """The run of a row of the file, with the names of its columns."""
    values = {name: original(value) for name, value in zip(names, row, strict=False) if value}
    job, name, group, key, experiment = (values.pop(column, "") for column in IDENTITY)
    return PlannedRun(int(job), name, group, key, experiment, (values,))


def _temporary() -> TextIO:
    try:
        file: TextIO = TemporaryFile("w+", **CSV)  # noqa: SIM115, it lives as long as the plan
        return file
    except OSError as error:
        raise ConfigError("TMPDIR", os.environ.get("TMPDIR"), f"the plan of a sweep cannot be kept: {error}") from error
