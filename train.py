"""Train one run, or with -m a sweep of them. See `python train.py --help`."""

from pathlib import Path

from seedsweep.cli.train import main
from seedsweep.config.home import at_home_in

if __name__ == "__main__":
    at_home_in(Path(__file__).parent)
    main()
