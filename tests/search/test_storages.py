"""A storage can be named in every way that Optuna has, and what cannot be used is refused in one line."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import psycopg
import pytest
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from shared.waiting import free_port

from seedsweep.errors import ConfigError
from seedsweep.search import storages
from seedsweep.search.storages import default_storage, open_storage


@pytest.mark.parametrize(
    ("uri", "file"),
    [
        ("sqlite:///new/trials.db", "new/trials.db"),
        ("sqlite:///{here}/new/{{trials}}.db", "new/{trials}.db"),
        ("journal:///new/trials", "new/trials"),
        ("journal:///{here}/new/trials", "new/trials"),
        ("new/trials.log", "new/trials.log"),
        ("{here}/new/trials.journal", "new/trials.journal"),
    ],
)
def test_a_file_is_made_and_found_again_from_another_folder(
    uri: str, file: str, opened: Callable[[str], BaseStorage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    uri = uri.format(here=tmp_path)
    storage = opened(uri)
    monkeypatch.chdir("/")
    optuna.create_study(study_name="ours", storage=storage)
    monkeypatch.chdir(tmp_path)
    assert (tmp_path / file).is_file()
    assert optuna.get_all_study_names(opened(uri)) == ["ours"]
    assert isinstance(storage, RDBStorage if uri.startswith("sqlite") else JournalStorage)


def refused(uri: Any, *words: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        open_storage(uri)
    text = str(refusal.value)
    assert text.startswith("hydra.sweeper.storage=")
    assert "secret" not in text
    assert "\n" not in text
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize(
    "uri",
    ["optuna", "trials.db", "redis://me:secret@host", "journal://trials", "postgresql://me:secret@host:x/db", 5],
)
def test_what_names_no_storage_is_told_what_does(uri: Any) -> None:
    refused(uri, "must be sqlite:///FILE.db, postgresql+psycopg://…, journal:///FILE", "FILE.log")


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///:memory:", "journal:///"])
def test_what_names_no_file_is_refused(uri: str) -> None:
    refused(uri, "must name a file")


def test_a_missing_driver_is_named() -> None:
    refused("mysql+pymysql://me:secret@host/db", "its driver is not here", "pymysql", "me:***@host")


def test_a_database_out_of_reach_is_refused_without_its_password() -> None:
    refused(f"postgresql+psycopg://me:secret@127.0.0.1:{free_port()}/db", "me:***@127.0.0.1", "Connection refused")


@pytest.mark.parametrize("uri", ["sqlite:///{file}", "{file}", "sqlite:///{file}/trials.db", "{file}/trials.log"])
def test_a_file_that_is_no_storage_is_left_as_it_is(uri: str, tmp_path: Path) -> None:
    file = tmp_path / "notes.log"
    file.write_text("what I have found so far\n" * 30)
    refused(uri.format(file=file))
    assert file.read_text() == "what I have found so far\n" * 30


def test_a_file_that_only_can_be_read_is_refused(tmp_path: Path) -> None:
    refused("sqlite:////proc/trials.db", "cannot be used")
    refused("/proc/trials.log", "cannot be used")


@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
def test_the_database_of_mlflow_is_refused_and_left_as_it_is(where: str, request: pytest.FixtureRequest) -> None:
    uri = request.getfixturevalue("uri") if where == "sqlite" else request.getfixturevalue("postgres").copy()
    refused(uri, "has tables of another program, as MLflow: name a new database")
    tables = "SELECT name FROM sqlite_master" if where == "sqlite" else "SELECT tablename FROM pg_tables"
    connect: Any = sqlite3.connect if where == "sqlite" else psycopg.connect
    connection = connect(uri.removeprefix("sqlite:///").replace("+psycopg", ""))
    names = {name for (name,) in connection.execute(tables).fetchall()}
    connection.close()
    assert "runs" in names
    assert "studies" not in names


def test_the_default_is_beside_the_database_of_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEDSWEEP_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert default_storage() == f"sqlite:///{tmp_path}/mlruns/optuna.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////elsewhere/runs.db")
    assert default_storage() == "sqlite:////elsewhere/optuna.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert default_storage() == f"sqlite:///{tmp_path}/mlruns/optuna.db"


def test_a_journal_that_ends_in_half_a_line_is_cut_and_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storages.log, "disabled", False)
    caplog.set_level(logging.WARNING, storages.log.name)
    file = tmp_path / "trials.log"
    study = optuna.create_study(study_name="ours", storage=open_storage(str(file)))
    study.tell(study.ask(), 1.0)
    whole = file.read_bytes()
    file.write_bytes(whole + whole.splitlines()[-1][:20])
    again = optuna.load_study(study_name="ours", storage=open_storage(str(file)))
    assert caplog.records[-1].getMessage().startswith("trials.log ended in half a line")
    again.tell(again.ask(), 2.0)
    assert [trial.value for trial in optuna.load_study(study_name="ours", storage=open_storage(str(file))).trials] == [
        1,
        2,
    ]
    assert file.read_bytes().startswith(whole)
