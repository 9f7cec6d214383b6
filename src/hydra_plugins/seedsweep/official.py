"""Where hydra-optuna-sweeper is installed, too: `hydra/sweeper=optuna` is seedsweep's, and says so.

Both store a sweeper and samplers under the same names, and of two plugins the one that Hydra imports last would win.
"""

import sys
from importlib.util import find_spec
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.plugins.search_path_plugin import SearchPathPlugin

from hydra_plugins.seedsweep import optuna

OFFICIAL = "hydra_plugins.hydra_optuna_sweeper"
OWN_NAME = "seedsweep_optuna"
MESSAGE = (
    "hydra/sweeper=optuna is seedsweep's, which takes the same keys; hydra-optuna-sweeper is installed, too, and is not"
    f" used. Uninstall it, or choose hydra/sweeper={OWN_NAME}, which is seedsweep's as well and does not say this."
)


class BesideOfficial(SearchPathPlugin):
    """Stores seedsweep's configurations again: Hydra asks these plugins when it has imported all others."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        _store(OWN_NAME, optuna.OptunaSweeperConf)
        if find_spec(OFFICIAL):
            optuna._register()
            _store("optuna", optuna.OptunaSweeperConf(_target_=f"{__name__}.ChosenOptunaSweeper"))


class ChosenOptunaSweeper(optuna.OptunaSweeper):
    """seedsweep's sweeper by the name that both have: it is made only where that was chosen."""

    def __init__(self, **keys: Any):
        sys.stderr.write(f"{MESSAGE}\n")
        super().__init__(**keys)


def _store(name: str, node: Any) -> None:
    ConfigStore.instance().store(group="hydra/sweeper", name=name, node=node, provider="seedsweep")
