"""Where seedsweep's commands find configurations: in `./conf`, then what it ships, then its ready-made sweeps."""

import sys
from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

from seedsweep import plugin

OWN = "conf"  # in the working directory


class Configs(SearchPathPlugin):
    """Adds them for seedsweep's own commands, which start from what it ships; no other application is touched."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        shipped, own = plugin.shipped("conf"), Path.cwd() / OWN
        main = [
            element.path.removeprefix("file://") for element in search_path.get_path() if element.provider == "main"
        ]
        if [Path(path).resolve() for path in main] != [shipped.resolve()]:
            return
        if own.is_dir() and own.resolve() != shipped.resolve() and not _is_of_others(own):
            search_path.prepend("own", f"file://{own}")
        search_path.append("seedsweep", f"file://{plugin.shipped('sweeps')}")


def _is_of_others(folder: Path) -> bool:
    """Whether a folder holds the configuration of another Hydra application, whose options have other meanings."""
    primary = folder / "config.yaml"
    is_of_others = primary.is_file() and "seedsweep" not in primary.read_text(errors="replace")
    if is_of_others:
        sys.stderr.write(f"{primary} is another application's: nothing in {folder} is taken for seedsweep's\n")
    return is_of_others
