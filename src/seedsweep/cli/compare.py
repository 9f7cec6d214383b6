"""The command `seedsweep-compare`, and `python compare.py` in a checkout: what the seeds of a sweep allow to say."""

import hydra
from omegaconf import DictConfig

from seedsweep.cli.compact_errors import compact_errors
from seedsweep.config.home import shipped


@compact_errors
@hydra.main(version_base="1.3", config_path=str(shipped("conf")), config_name="compare")
def main(config: DictConfig) -> None:
    """Answer the question that was typed; see `seedsweep-compare --help`."""
    from seedsweep.cli.answer import answer  # and pandas, which `--help` and completion do without

    answer(config)
