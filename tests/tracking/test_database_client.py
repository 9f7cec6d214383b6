"""The client of stores in databases writes and reads as MLflow's own, and leaves to it what it does not know."""

import copy
import math
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.db.utils import _get_latest_schema_revision
from mlflow.utils.file_utils import local_file_uri_to_path
from mlflow.utils.validation import _validate_param_name, _validate_tag_name
from shared.stores import look_again

from seedsweep.errors import ConfigError, StoreError
from seedsweep.tracking import schema, sql
from seedsweep.tracking.artifact_folders import artifact_address, local_folder
from seedsweep.tracking.batches import write_batch
from seedsweep.tracking.connection import connect
from seedsweep.tracking.database_client import DatabaseClient
from seedsweep.tracking.mlflow_client import mlflow_client
from seedsweep.tracking.mlflow_names import is_name
from seedsweep.tracking.sql import id_list, open_database

TABLES = ("experiments", "experiment_tags", "runs", "params", "tags", "metrics", "latest_metrics")
NOW = 1_700_000_000_000


@pytest.fixture(params=["sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest, tmp_path: Path, empty_store: Path) -> tuple[str, str]:
    """Two stores that are equal."""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        return server.copy(), server.copy()
    for name in ("one", "other"):
        shutil.copy(empty_store, tmp_path / f"{name}.db")
    return f"sqlite:///{tmp_path}/one.db", f"sqlite:///{tmp_path}/other.db"


def rows(uri: str, ids: dict[str, str]) -> dict[str, list[str]]:
    """All that is in the tables, the ids of runs by the names of `ids`."""
    engine = sa.create_engine(uri, poolclass=sa.NullPool)
    with engine.connect() as connection:
        tables = {name: connection.execute(sa.text(f"SELECT * FROM {name}")).mappings().all() for name in TABLES}

    def shown(row: Any) -> str:
        text = repr(
            sorted((key, value) for key, value in row.items() if not key.endswith("_time") or "run_uuid" in row)
        )
        for run_id, name in ids.items():
            text = text.replace(run_id, name)
        return text

    return {name: sorted(map(shown, table)) for name, table in tables.items()}


def fill(client: Any, folder: Path) -> dict[str, str]:
    """Use all that the package asks of a client; the names of the runs by their ids."""
    experiment = client.create_experiment("Näme 'quoted'", (folder / "a folder").as_uri(), tags={"a": "1"})
    client.set_experiment_tag(experiment, "a", "2")
    client.set_experiment_tag(experiment, "b/c", "x" * 9000)
    first = client.create_run(experiment, NOW, {"mlflow.user": "me", "k e-y": "väl\n"}, "first").info.run_id
    second = client.create_run(experiment, NOW + 1, {}, "second").info.run_id
    curve = [("loss", value, NOW + step, step) for step, value in enumerate((1.0, math.inf, -math.inf, math.nan, 0.5))]
    write_batch(client, first, curve, [("lr", "0.1"), ("seed", "1")], [("a", "1"), ("b", "2")])
    write_batch(client, first, curve, [("lr", "0.1"), ("more", "")], [("a", "3")])  # again, and more
    write_batch(client, first, [("loss", 9.0, NOW, 4), ("loss", 8.0, NOW, 1), ("last", -0.0, NOW, 0)])
    write_batch(client, first, [("last", math.nan, NOW, 0)])
    write_batch(client, second, [(f"m{number}", float(number), NOW, 0) for number in range(900)])
    write_batch(client, second, params=[(f"p{number}", "v" * 500) for number in range(150)])
    client.set_tag(first, "mlflow.note.content", "| a |\n")
    client.set_terminated(first, "FINISHED", NOW + 99)
    client.set_terminated(second, "KILLED", NOW + 99)
    client.update_run(second, "RUNNING")
    (files := folder / "files").mkdir()
    (files / "file.txt").write_text("text")
    (files / "deeper").mkdir()
    (files / "deeper" / "other.txt").write_text("other")
    client.log_artifact(first, str(files / "file.txt"), "below")
    client.log_artifacts(first, str(files), "all")
    client.log_text(first, "täxt\n", "said.txt")
    return {first: "FIRST", second: "SECOND"}


def artifacts(folder: Path, ids: dict[str, str]) -> dict[str, str]:
    """The texts of the artifacts, by their paths with the names of the runs."""
    texts = {}
    for file in filter(Path.is_file, (folder / "a folder").rglob("*")):
        run_id, *path = file.relative_to(folder / "a folder").parts
        texts["/".join([ids[run_id], *path])] = file.read_text()
    return texts


def test_the_tables_are_those_that_mlflows_client_makes(stores: tuple[str, str], tmp_path: Path) -> None:
    made = []
    for uri, client in zip(stores, (connect(stores[0]), mlflow_client(stores[1])), strict=True):
        (folder := tmp_path / "place").mkdir()
        ids = fill(client, folder)
        made.append((rows(uri, ids), artifacts(folder, ids)))
        shutil.rmtree(folder)
    assert isinstance(connect(stores[0]), DatabaseClient)
    assert made[0] == made[1]
    tables, texts = made[0]
    assert len(tables["metrics"]) == 909
    assert texts["FIRST/artifacts/all/deeper/other.txt"] == "other"


def about(run: Any) -> tuple[Any, ...]:
    info, data = run.info, run.data
    times = (info.start_time, info.end_time)
    identity = (info.run_id, info.run_name, info.experiment_id, info.status, *times, info.artifact_uri)
    return (*identity, info.lifecycle_stage, data.tags, data.params, repr(sorted(data.metrics.items())))


def test_what_is_read_is_what_mlflows_client_reads(stores: tuple[str, str], tmp_path: Path) -> None:
    client, trusted = connect(stores[0]), mlflow_client(stores[0])
    first, second = fill(client, tmp_path)
    assert isinstance(client, DatabaseClient)
    for run in (first, second):
        assert about(client.get_run(run)) == about(trusted.get_run(run))
    for name in ("Näme 'quoted'", "Default"):
        mine, theirs = client.get_experiment_by_name(name), trusted.get_experiment_by_name(name)
        assert mine
        assert theirs
        for one in (mine, client.get_experiment(mine.experiment_id)):
            assert all(getattr(theirs, key) == value for key, value in one._asdict().items())
    assert client.get_experiment_by_name("none") is None
    listed = [experiment.name for experiment in client.search_experiments()]
    assert listed == [experiment.name for experiment in trusted.search_experiments()]
    experiments = [experiment.experiment_id for experiment in trusted.search_experiments()]
    for tags in ({}, {"a": "3"}, {"a": "3", "b": "2"}, {"a": "1"}, {"a": "'"}):
        clause = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items() if value != "'")
        theirs = trusted.search_runs(experiments, clause) if "'" not in tags.values() else []
        assert list(map(about, client.find_runs(tags))) == list(map(about, theirs))
    assert client.find_runs({"a": "3"}, ["Default"]) == []
    trusted.delete_run(first)
    assert client.find_runs({"a": "3"}) == []
    assert about(client.get_run(first)) == about(trusted.get_run(first))
    trusted.delete_experiment(experiments[0])
    assert client.find_runs({}) == []
    assert (
        {item.name for item in client.search_experiments()}
        == {"Default"}
        < {item.name for item in trusted.search_experiments(ViewType.ALL)}
    )


REFUSED: dict[str, Callable[[Any, str], object]] = {
    "a name": lambda client, run: write_batch(client, run, [("no!", 1.0, NOW, 0)]),
    "a path": lambda client, run: write_batch(client, run, params=[("../x", "1")]),
    "another value": lambda client, run: write_batch(
        client, run, [("new", 1.0, NOW, 0)], [("lr", "0.2")], [("t", "u")]
    ),
    "no such run": lambda client, _: client.set_tag("0" * 32, "a", "b"),
    "no run to end": lambda client, _: client.set_terminated("0" * 32, "FINISHED"),
    "no run to read": lambda client, _: client.get_run("0" * 32),
    "no experiment": lambda client, _: client.get_experiment("77"),
    "no name": lambda client, _: client.create_experiment("", "/tmp", tags={}),
    "no artifact": lambda client, run: client.download_artifacts(run, "none.txt", "."),
    "a path that is none": lambda client, run: client.download_artifacts(run, "a\0b", "."),
    "a path that goes round": lambda client, run: client.download_artifacts(run, "round", "."),
    "a folder outside": lambda client, run: client.log_artifact(run, __file__, "../../../outside"),
    "a text outside": lambda client, run: client.log_text(run, "text", "../text.txt"),
    "a tag of no experiment": lambda client, _: client.set_experiment_tag("77", "a", "b"),
    "a param twice": lambda client, run: write_batch(client, run, params=[("d", "1"), ("d", "2")]),
    "an artifact outside": lambda client, run: client.download_artifacts(run, "../../../x.txt", "."),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_mlflow_refuses_is_refused_in_its_words(uri: str, tmp_path: Path, what: str) -> None:
    client, trusted = connect(uri), mlflow_client(uri)
    run, _ = fill(client, tmp_path)
    (tmp_path / "a folder" / "x.txt").write_text("of somebody else")
    (round_ := tmp_path / "a folder" / run / "artifacts" / "round").symlink_to(round_)
    before = rows(uri, {})
    with pytest.raises((MlflowException, OSError, ValueError, RuntimeError)) as theirs:
        REFUSED[what](trusted, run)
    with pytest.raises(theirs.type) as mine:
        REFUSED[what](client, run)
    assert re.sub(r"0x\w+|\d{13}", "", str(mine.value)) == re.sub(r"0x\w+|\d{13}", "", str(theirs.value))
    assert rows(uri, {}) == before


def test_nothing_is_written_to_a_deleted_run(uri: str, tmp_path: Path) -> None:
    client = connect(uri)
    run, _ = fill(client, tmp_path)
    client.delete_run(run)  # which it leaves to MLflow's
    for write in (
        lambda: client.set_tag(run, "a", "9"),
        lambda: client.update_run(run, "RUNNING"),
        lambda: client.set_terminated(run, "FAILED"),
    ):
        with pytest.raises(MlflowException, match="must be in the 'active' state"):
            write()
    assert client.get_run(run).data.tags["a"] == "3"


NAMES = [
    *("a", "a.b", "a b", "a:b", "a/b", "ä", "a" * 250, "_", "-"),
    *("", ".", "..", "../a", "/a", "a/", "a//b", "a/../b", "./a", "a!", "a\n", "a\\b", "a=b", "\x00"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_one_that_mlflow_takes(name: str) -> None:
    def is_taken(validate: Callable[[str], None]) -> bool:
        try:
            validate(name)
        except MlflowException:
            return False
        return True

    taken = {is_taken(_validate_param_name), is_taken(_validate_tag_name)}
    assert is_name(name) <= min(taken)
    assert is_name(name) or name in ("", "a\n") or not max(taken)
    assert not is_name("a" * 251)


def test_the_newest_tables_are_told_without_importing_mlflow() -> None:
    assert schema._newest() == _get_latest_schema_revision()


@pytest.mark.parametrize("statement", [
    "UPDATE alembic_version SET version_num = '0'",
    "ALTER TABLE runs ADD COLUMN something TEXT",
    "ALTER TABLE runs DROP COLUMN source_name",
])  # fmt: skip
def test_tables_that_are_not_known_are_left_to_mlflow(uri: str, statement: str) -> None:
    engine = sa.create_engine(uri, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    assert not schema.is_known(engine)


def test_workspaces_are_left_to_mlflow(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = sa.create_engine(uri, poolclass=sa.NullPool)
    assert schema.is_known(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE experiments SET workspace = 'theirs' WHERE experiment_id = 0"))
    assert not schema.is_known(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE experiments SET workspace = 'default'"))
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    assert not schema.is_known(engine)


def test_a_store_of_another_mlflow_is_refused_with_what_to_do(uri: str) -> None:
    engine = sa.create_engine(uri, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '90e64c465722'"))
    look_again()
    with pytest.raises(ConfigError, match=f"older MLflow than .*mlflow db upgrade {uri}"):
        connect(uri)


@pytest.mark.parametrize("location", ["file:///a/b%20c", "/a/b", "s3://bucket/a/", "s3://bucket/a?x=y", "dbfs:/a"])
def test_artifacts_lie_where_mlflow_would_have_them(location: str) -> None:
    from mlflow.utils.uri import append_to_uri_path

    assert artifact_address(location, "0" * 32) == append_to_uri_path(location, "0" * 32, "artifacts")


@pytest.mark.parametrize(
    ("address", "folder"),
    [
        ("file:///a/b%20c/%23", Path("/a/b c/#")),
        ("file://localhost/a", Path("/a")),
        ("/a/b%20c", Path("/a/b c")),
        ("mlruns/0", Path("mlruns/0")),
        *((address, None) for address in ("s3://bucket/a", "mlflow-artifacts:/1/a", "dbfs:/a", "file://elsewhere/a")),
    ],
)
def test_artifacts_of_other_places_are_left_to_mlflow(address: str, folder: Path | None) -> None:
    assert local_folder(address) == folder
    if folder:
        assert Path(local_file_uri_to_path(address)) == folder


def test_two_processes_make_one_experiment(uri: str, tmp_path: Path) -> None:
    client, other = connect(uri), connect(uri)
    made = [item.create_experiment("same", tmp_path.as_uri(), {"a": "b"}) for item in (client, other)]
    assert made[0] == made[1]


def test_a_file_that_is_not_written_whole_is_not_there(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(uri)
    run, _ = fill(client, tmp_path)

    def half(_: Path, target: Path) -> None:
        target.write_text("ha")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", half)
    with pytest.raises(OSError, match="No space left"):
        client.log_text(run, "half", "new.txt")
    names = [artifact.path for artifact in MlflowClient(uri).list_artifacts(run)]
    assert names == ["all", "below", "said.txt"]
    assert not list(tmp_path.rglob(".artifact.uploading*"))


def test_a_client_is_copied_without_importing_anything(uri: str) -> None:
    client = connect(uri)
    assert copy.copy(client).tracking_uri == client.tracking_uri
    assert not hasattr(client, "_tracking_client")


@pytest.mark.parametrize("run_id", ["a'b", "x') OR 1=1 --", "x');DROP TABLE tags;COMMIT;--", "a:b"])
def test_an_id_that_somebody_chose_is_no_statement(stores: tuple[str, str], tmp_path: Path, run_id: str) -> None:
    client, _ = connect(stores[0]), fill(connect(stores[0]), tmp_path)
    with sa.create_engine(stores[0], poolclass=sa.NullPool).begin() as connection:
        number = connection.execute(sa.text("SELECT MAX(experiment_id) FROM experiments")).scalar()
        row = "INSERT INTO runs (run_uuid, status, lifecycle_stage, experiment_id, start_time, artifact_uri)"
        values = " VALUES (:run, 'RUNNING', 'active', :number, 1, '')"
        connection.execute(sa.text(row + values), {"run": run_id, "number": number})
        connection.execute(sa.text("INSERT INTO tags (run_uuid, key, value) VALUES (:run, 'b', '2')"), {"run": run_id})
    assert [run.info.run_id for run in client.find_runs({"b": "2"})][-1] == run_id
    assert client.get_run(run_id).data.tags == {"b": "2"}


def test_a_deleted_experiment_gets_no_tag(uri: str, tmp_path: Path) -> None:
    client, trusted = connect(uri), mlflow_client(uri)
    experiment = client.create_experiment("mine", tmp_path.as_uri(), tags={})
    trusted.delete_experiment(experiment)
    with pytest.raises(MlflowException, match="must be in the 'active' state"):
        client.set_experiment_tag(experiment, "a", "b")


@pytest.mark.parametrize("batch", [{"points": [("m", 1.0, NOW, 2**70)]}, {"tags": [("a", "\udcff")]}])
def test_what_a_database_cannot_hold_is_a_message(uri: str, tmp_path: Path, batch: dict[str, Any]) -> None:
    client = connect(uri)
    run, _ = fill(client, tmp_path)
    with pytest.raises(ConfigError, match="the database refused"):
        write_batch(client, run, **batch)


def test_two_writers_of_one_run_do_not_wait_for_each_other(stores: tuple[str, str], tmp_path: Path) -> None:
    client = connect(stores[0])
    run, _ = fill(client, tmp_path)
    names = [f"n{number}" for number in range(40)]

    def write(order: int) -> None:
        for step in range(8):
            write_batch(connect(stores[0]), run, [(name, 1.0, NOW, step) for name in names[::order]])

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, (1, -1)))
    assert client.get_run(run).data.metrics.items() >= dict.fromkeys(names, 1.0).items()


@pytest.mark.parametrize("run_id", ["a'b", "x') OR 1=1 --", "", "a:b"])
def test_an_id_that_is_part_of_a_statement_is_one_of_mlflows(run_id: str) -> None:
    with pytest.raises(StoreError, match="which MLflow has not made"):
        id_list(["0" * 32, run_id])


def test_a_database_that_was_locked_is_asked_again(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    look_again()
    monkeypatch.setattr(sql, "is_known", lambda _: False)
    assert open_database(uri) is None
    monkeypatch.undo()
    assert open_database(uri)
