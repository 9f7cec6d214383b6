"""Arrays in an .npz file whose rows keep their shape, as a map-style dataset of torch."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from hydra.utils import to_absolute_path
from torch.utils.data import Dataset

from seedsweep.errors import ConfigError


class Arrays(Dataset[tuple[np.ndarray, np.generic]]):
    """The rows of the array X in an .npz file, each in its shape, with the class of each in y: `path` is relative to
    where the command was typed. An array `classes` has the names of the classes 0, 1, …
    """

    def __init__(self, path: str):
        key, file = "data.dataset.path", Path(to_absolute_path(str(path)))
        if not file.is_file():
            raise ConfigError(key, path, "no such file")
        try:
            with np.load(file, allow_pickle=False) as arrays:
                values = {name: arrays[name] for name in arrays.files}
        except (BadZipFile, OSError, ValueError, TypeError) as error:  # of a file that is another, too
            raise ConfigError(key, path, f"is no .npz file: {' '.join(str(error).split())}") from error
        if not {"X", "y"} <= values.keys() or values["y"].shape != values["X"].shape[:1]:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in values.items()) or "no arrays"
            raise ConfigError(key, path, f"must have arrays X and y with as many rows; it has {shapes}")
        self.features, self.target = values["X"], values["y"]
        self.classes = values["classes"].tolist() if "classes" in values else None

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.generic]:
        return self.features[index], self.target[index]
