"""The command `seedsweep`, and `python train.py` in a checkout: one run, or with -m a sweep of them."""

import hydra
from omegaconf import DictConfig

from seedsweep.cli.compact_errors import compact_errors
from seedsweep.config.home import shipped


@compact_errors
@hydra.main(version_base="1.3", config_path=str(shipped("conf")), config_name="config")
def main(config: DictConfig) -> float:
    """Train what was typed; see `seedsweep --help`."""
    from seedsweep.lifecycle.run_one import run  # torch and Lightning, which `--help` and completion do without

    return run(config)
