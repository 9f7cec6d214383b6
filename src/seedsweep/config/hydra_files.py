"""What Hydra writes of a job into its folder `.hydra`: the configuration, with all that was typed."""

from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from seedsweep.errors import masked


def mask_passwords() -> None:
    """Mask the passwords of addresses in the files that Hydra has written of the job that it runs, if it runs one."""
    hydra: Any = HydraConfig.get() if HydraConfig.initialized() else None
    if hydra is None or hydra.output_subdir is None or OmegaConf.is_missing(hydra.runtime, "output_dir"):
        return
    mask_files(Path(hydra.runtime.output_dir) / hydra.output_subdir)


def mask_files(folder: Path) -> None:
    """Mask the passwords of addresses in the YAML files of a folder.

    Args:
        folder: that may not be there.
    """
    for file in folder.glob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        if (shown := masked(text)) != text:
            file.write_text(shown, encoding="utf-8")
