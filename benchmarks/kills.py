"""Sweeps that are killed at random events, half of them twice, and gone on with: is each run there once, to the bit?

    python benchmarks/kills.py [kills] [address of a PostgreSQL server, as postgresql+psycopg://user@host]

An event is a statement to the database, half of what a transaction inserts, a commit, or an epoch of a fleet: see
`tests/shared/killed.py`. Results are in docs/performance.md.
"""

import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from shared.killed import SWEEPS, check_once, curves, sweep_until  # type: ignore[import-not-found]
from tables import Table

from seedsweep.tracking.connection import connect

KILLS = 200


def stores(folder: Path, server: str | None) -> Iterator[str]:
    """Empty stores, without end."""
    empty = folder / "empty.db"
    connect(f"sqlite:///{empty}", create=True)
    number = 0
    while True:
        number += 1
        if server is None:
            yield f"sqlite:///{shutil.copy(empty, folder / f'{number}.db')}"
            continue
        name = f"kills_{os.getpid()}_{number}"
        engine = sqlalchemy.create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
        connect(f"{server}/{name}", create=True)
        yield f"{server}/{name}"


def main(kills: int, server: str | None) -> None:
    random.seed(0)
    with tempfile.TemporaryDirectory() as name:
        os.environ["SEEDSWEEP_HOME"] = name
        folder, new_store = Path(name), stores(Path(name), server)
        table = Table("", "kills", "sweeps", "complete, each run once, equal to the bit", "of all")
        for kind, words in SWEEPS.items():
            whole = sweep_until(folder, plain := next(new_store), *words)
            undisturbed = curves(plain)
            killed = sweeps = equal = 0
            while killed < kills / len(SWEEPS):
                store, sweeps = next(new_store), sweeps + 1
                for _ in range(1 + sweeps % 2):
                    killed += sweep_until(folder, store, *words, at=random.randint(1, whole.events)).killed
                try:
                    check_once(store, sweep_until(folder, store, *words), undisturbed)
                    equal += 1
                except AssertionError as error:
                    print(f"not complete: {error}", file=sys.stderr)
            table.row(kind, killed, sweeps, equal, f"{equal / sweeps:.0%}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else KILLS, sys.argv[2] if len(sys.argv) > 2 else None)
