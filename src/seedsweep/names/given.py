"""Classes of a notebook, which were given to `seedsweep.sweep` as objects."""

from seedsweep.config.given import given


def __getattr__(name: str) -> object:
    return given(name)
