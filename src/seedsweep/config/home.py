"""Where seedsweep is at home: the folder of its store, how its commands are typed, what configurations it ships."""

import os
import shlex
from pathlib import Path

from hydra.utils import to_absolute_path

HOME = "SEEDSWEEP_HOME"  # an environment variable, so that the processes of jobs have it, too
PACKAGE = Path(__file__).parents[1]
SCRIPTS = {"train": "python train.py", "compare": "python compare.py", "ui": "make ui"}  # in a checkout
COMMANDS = {"train": "seedsweep", "compare": "seedsweep-compare", "ui": "seedsweep-ui"}


def at_home_in(folder: Path) -> None:
    """Have the store kept in a folder, as the scripts of a checkout want it.

    Args:
        folder: of the script; `SEEDSWEEP_HOME` in the environment goes before it.
    """
    os.environ.setdefault(HOME, str(folder))


def home() -> Path:
    """The folder whose `mlruns` holds the store that is used unless another one is named.

    Returns:
        That of `SEEDSWEEP_HOME`, or the working directory that the command was typed in.
    """
    return Path(os.environ.get(HOME) or to_absolute_path("."))


def command(name: str) -> str:
    """How a command is typed.

    Args:
        name: `train`, `compare` or `ui`.

    Returns:
        The script of a checkout where such a one was started, else the installed command.
    """
    if HOME not in os.environ or not (home() / "train.py").is_file():
        return COMMANDS[name]
    if name == "ui" and Path.cwd() != home():
        return f"make -C {shlex.quote(str(home()))} ui"
    return SCRIPTS[name]


def shipped(folder: str) -> Path:
    """A folder of configurations that seedsweep comes with.

    Args:
        folder: `conf` or `sweeps`.

    Returns:
        It, in the installed package or at the top of the checkout.
    """
    installed = PACKAGE / folder
    return installed if installed.is_dir() else PACKAGE.parents[1] / folder
