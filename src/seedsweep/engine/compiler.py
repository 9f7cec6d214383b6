"""PyTorch without its compiler, until somebody compiles: optimizers import it to tell it to leave them alone.

That import takes a second, and nothing here is compiled.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import torch

NAME = "torch._dynamo"


def defer_compiler() -> None:
    """Have PyTorch's compiler imported when something is asked of it; what optimizers ask is answered without it."""
    if NAME not in sys.modules:
        sys.modules[NAME] = torch._dynamo = _Compiler(NAME)


class _Compiler(ModuleType):
    """Stands for the compiler, and makes room for it at the first question that it has no answer to."""

    def graph_break(self) -> None:
        """There is no graph."""

    def disable(self, function: Callable[..., Any], *_: Any, **__: Any) -> Callable[..., Any]:
        """What is not compiled stays as it is."""
        return function

    def __getattr__(self, name: str) -> Any:
        if name in ("__spec__", "__file__"):  # what whoever looks through all modules asks
            raise AttributeError(name)
        if sys.modules.get(NAME) is self:
            del sys.modules[NAME]
        return getattr(import_module(NAME), name)
