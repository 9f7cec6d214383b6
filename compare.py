"""Say what the seeds of a sweep allow to say. See `python compare.py --help`."""

import hydra
from omegaconf import DictConfig

import seedsweep


@seedsweep.compact_errors
@hydra.main(version_base="1.3", config_path="conf", config_name="compare")
def main(config: DictConfig) -> None:
    seedsweep.answer(config)


if __name__ == "__main__":
    main()
