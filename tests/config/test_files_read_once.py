"""Configurations of files that are read once: what Hydra composes, of what the files were when they were first read."""

import copy
from pathlib import Path

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.utils import create_config_search_path
from hydra.core.object_type import ObjectType
from hydra.core.utils import setup_globals
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from shared.commands import ROOT

from seedsweep.config.files_read_once import FilesReadOnce, files_read_once, read_files_once


def loader_of(folder: Path) -> ConfigLoaderImpl:
    setup_globals()
    return ConfigLoaderImpl(create_config_search_path(str(folder)))


def composed(loader: ConfigLoaderImpl, *overrides: str) -> DictConfig:
    return loader.load_configuration("config", list(overrides), RunMode.MULTIRUN)


def options() -> list[str]:
    """Every option of every group, as it is chosen."""
    files = sorted((ROOT / "conf").rglob("*/*.yaml"))
    return [f"{file.parent.relative_to(ROOT / 'conf').as_posix()}={file.stem}" for file in files]


def test_every_option_is_composed_as_hydra_composes_it() -> None:
    plain, once = loader_of(ROOT / "conf"), loader_of(ROOT / "conf")
    read_files_once(once)
    assert len(options()) > 50
    for option in options():
        for _ in range(2):  # the second is made of copies
            of_files = composed(once, option, "seed=3")
        of_hydra = composed(plain, option, "seed=3")
        assert OmegaConf.to_yaml(of_files) == OmegaConf.to_yaml(of_hydra)


def test_a_file_that_changes_is_that_of_the_start(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("a: {b: 1}")
    loader = loader_of(tmp_path)
    read_files_once(loader)
    composed(loader).a.b = 7  # which is its own
    (tmp_path / "config.yaml").write_text("a: {b: 2}")
    assert composed(loader).a.b == 1
    assert composed(loader_of(tmp_path)).a.b == 2


def test_a_composition_with_a_search_path_of_its_own_keeps_it_to_itself(tmp_path: Path) -> None:
    for name, value in (("one", 1), ("other", 2)):
        (tmp_path / name / "db").mkdir(parents=True)
        (tmp_path / name / "db" / "mysql.yaml").write_text(f"port: {value}")
    (tmp_path / "config.yaml").write_text("defaults: [{db: mysql}, _self_]")
    loader = loader_of(tmp_path)
    read_files_once(loader)
    for name, value in (("one", 1), ("other", 2), ("one", 1)):
        assert composed(loader, f"hydra.searchpath=[file://{tmp_path / name}]").db.port == value
    assert [source.provider for source in loader.get_sources()] == ["hydra", "main", "schema"]


def test_each_file_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    once, read = loader_of(ROOT / "conf"), list[str]()
    kind = next(type(source) for source in once.get_sources() if source.scheme() == "file")
    load = kind.load_config

    def noted(source: ConfigSource, config_path: str) -> ConfigResult:
        read.append(config_path)
        return load(source, config_path)

    monkeypatch.setattr(kind, "load_config", noted)
    read_files_once(once)
    for option in ("optimizer=sgd", "optimizer=adam", "optimizer=sgd"):
        composed(once, option)
    assert {"optimizer/sgd", "optimizer/adam", "config"} <= set(read)
    assert len(read) == len(set(read))


class Keeping(ConfigSource):
    """Somebody's own, which gives away the object that it keeps."""

    def __init__(self, provider: str, path: str):
        super().__init__(provider, path)
        self.kept = OmegaConf.create({"defaults": [{"db": "mysql"}], "a": 1})

    @staticmethod
    def scheme() -> str:
        return "keeping"

    def load_config(self, config_path: str) -> ConfigResult:
        return ConfigResult(self.provider, self.path, self.kept, {"package": None})

    def available(self) -> bool:
        return True

    def is_group(self, config_path: str) -> bool:
        return False

    def is_config(self, config_path: str) -> bool:
        return config_path == "own"

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        return []


def test_a_source_of_somebodys_own_is_asked_and_copied_as_by_hydra() -> None:
    loader = loader_of(ROOT / "conf")
    loader.repository.sources.insert(0, own := Keeping("somebody", "keeping://"))
    read_files_once(loader)
    for value in (1, 2):  # Hydra takes the defaults away from what a source gives
        own.kept.a = value
        loaded = copy.deepcopy(loader.repository).load_config("own")
        assert loaded.config.a == value
        assert [default.value for default in loaded.defaults_list] == ["mysql"]


def test_the_first_loader_in_the_body_reads_each_file_once() -> None:
    with files_read_once():
        of_command, of_its_task = (loader_of(ROOT / "conf") for _ in range(2))
    assert type(of_command.repository) is FilesReadOnce
    assert type(of_its_task.repository) is type(loader_of(ROOT / "conf").repository) is ConfigRepository


def test_a_repository_of_somebodys_own_is_left_as_it_is() -> None:
    class Own(ConfigRepository):
        pass

    loader = loader_of(ROOT / "conf")
    loader.repository = own = Own(loader.get_search_path())
    read_files_once(loader)
    assert loader.repository is own
