"""Train one run, or with -m a sweep of them. See `python train.py --help`."""

import hydra
from omegaconf import DictConfig

import seedsweep


@seedsweep.compact_errors
@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config: DictConfig) -> float:
    return seedsweep.run(config)


if __name__ == "__main__":
    main()
