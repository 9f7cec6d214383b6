"""Rows of any data set of OpenML."""

import warnings
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

import pandas as pd

from seedsweep.errors import ConfigError
from seedsweep.problem.datasets import columns_of
from seedsweep.problem.files import File
from seedsweep.validation import check_integer


@dataclass(frozen=True, kw_only=True)
class OpenML(File):
    """A data set of OpenML by its `data_id`, downloaded once and cached by scikit-learn; or, with `path`, a file.

    Without a `target` it is the column that OpenML has as the default; all others are features, unless they are named.
    """

    data_id: int
    target: str | None = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("data.data_id", self.data_id, 1, note="the number in its address, openml.org/d/…")

    def load_noted(self) -> tuple[pd.DataFrame, pd.Series, tuple[str, ...]]:
        if self.path is not None:
            if self.target is None:
                raise ConfigError("data.target", None, "a value is required for a file: data.target=COLUMN")
            return super().load_noted()
        bunch = self._fetched()
        target = self._target(bunch)
        features = bunch.frame[[name for name in (*bunch.feature_names, *bunch.target_names) if name != target]]
        return features, bunch.frame[target], ()

    def _fetched(self) -> Any:
        from sklearn.datasets import fetch_openml

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a retry
                return fetch_openml(data_id=self.data_id, as_frame=True, parser="auto", n_retries=1)
        except (OSError, ValueError, HTTPException) as error:
            if "not found" in str(error).lower():  # as scikit-learn says it, or HTTP
                raise ConfigError("data.data_id", self.data_id, "OpenML has no data set of that id") from error
            allowed = (
                f"OpenML's data set {self.data_id} cannot be fetched ({error});"
                f" give a local file: data.path=FILE.csv data.target={self.target or 'COLUMN'}"
            )
            raise ConfigError("data.path", None, allowed) from error

    def _target(self, bunch: Any) -> str:
        """The column that is meant: a default target may be written in other letters, as in a file of the same rows."""
        if self.target is None:
            if len(bunch.target_names) == 1:
                return str(bunch.target_names[0])
            allowed = f"OpenML has no default for data set {self.data_id}: name one; {columns_of(bunch.frame)}"
            raise ConfigError("data.target", None, allowed)
        default = {name.lower(): name for name in bunch.target_names}
        name = self.target if self.target in bunch.frame else default.get(str(self.target).lower())
        if name is None:
            raise ConfigError("data.target", self.target, f"no such column; {columns_of(bunch.frame)}")
        return str(name)
