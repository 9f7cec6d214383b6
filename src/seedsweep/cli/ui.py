"""The command `seedsweep-ui`, and `make ui` in a checkout: MLflow's pages of the store."""

import hydra
from omegaconf import DictConfig

from seedsweep.cli.compact_errors import compact_errors
from seedsweep.config.home import shipped


@compact_errors
@hydra.main(version_base="1.3", config_path=str(shipped("conf")), config_name="ui")
def main(config: DictConfig) -> None:
    """Serve the store that was named; see `seedsweep-ui --help`."""
    from seedsweep.tracking.ui import serve

    serve(config.tracking.uri, config.host, config.port)
