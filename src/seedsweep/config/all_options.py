"""`optimizer=all`: every option of a group, as Hydra's `glob(*)`, but for those that cannot be chosen as they are."""

import sys
from collections.abc import Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.errors import MissingConfigException
from hydra.types import RunMode
from omegaconf import OmegaConf

from seedsweep.config.failed_composition import composition_of
from seedsweep.config.instantiation import check_installed
from seedsweep.config.overrides import parse_override
from seedsweep.config.params import leaves
from seedsweep.errors import ConfigError

ALL = "all"
OWN = "pytorch_lightning.LightningModule."  # what needs a module of one's own


def with_all_options(error: Exception, overrides: Sequence[str]) -> list[str] | None:
    """Overrides in which `all` is the options of its group; says on stderr which of them are left out.

    Args:
        error: Hydra's, since a group has no option of that name.
        overrides: as they were typed.

    Returns:
        The overrides, or None where the error is another, or of a single run.

    Raises:
        ConfigError: no option can be chosen as it is.
    """
    composition = composition_of(error)
    if not isinstance(error, MissingConfigException) or composition is None or composition.run_mode != RunMode.MULTIRUN:
        return None
    group, _, option = str(error.missing_cfg_file).rpartition("/")
    if option != ALL or not error.options:
        return None
    left_out = {name: why for name in error.options if (why := _why_not(composition.loader, group, name))}
    chosen = [name for name in error.options if name not in left_out]
    if not chosen:
        raise ConfigError(group, ALL, "none of its options can be chosen as it is")
    if left_out:
        reasons = "; ".join(f"{name} ({why})" for name, why in left_out.items())
        sys.stderr.write(f"{group}=all without {reasons}\n")
    parsed = map(parse_override, overrides)
    return [f"{group}={','.join(chosen)}" if (p.key, p.value) == (group, ALL) else p.text for p in parsed]


def _why_not(loader: ConfigLoader, group: str, option: str) -> str:
    """Why an option cannot be chosen without more being said; empty where it can."""
    loaded = loader.repository.load_config(f"{group}/{option}")  # type: ignore[attr-defined]
    content: Any = OmegaConf.to_container(loaded.config) if loaded else {}
    if not isinstance(content, dict):
        return ""
    target = str(content.get("_target_"))
    try:
        check_installed(group, target)
    except ConfigError as error:
        return str(error.args[2])
    if target.startswith(OWN):
        return "needs a LightningModule of your own"
    missing = [key for key, value in leaves(content) if value == "???"]
    return f"needs {group}.{missing[0]}" if missing else ""
