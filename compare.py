"""Say what the seeds of a sweep allow to say. See `python compare.py --help`."""

from pathlib import Path

from seedsweep.cli.compare import main
from seedsweep.config.home import at_home_in

if __name__ == "__main__":
    at_home_in(Path(__file__).parent)
    main()
