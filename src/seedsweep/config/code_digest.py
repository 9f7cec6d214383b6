"""What classes and functions of somebody's own do, as a digest: of their code as it runs, and of all that it reads.

The source in a file says less: it may have been edited since it was imported, and says nothing of what is called.
"""

import dis
import hashlib
import importlib
import inspect
import sys
import sysconfig
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any
from uuid import uuid4

import numpy as np

from seedsweep.caching import cached

PLAIN = bool | int | float | complex | str | bytes | None
WRAPPED = ("__func__", "func", "__wrapped__", "fget", "fset")  # where methods and properties keep their functions
UNREAD = (
    "__module__",
    "__dict__",
    "__weakref__",
    "__doc__",
    "__annotations__",
    "__annotate__",
    "__static_attributes__",
)
LIBRARIES = (sysconfig.get_path("stdlib"), str(Path(__file__).parents[1]))
INSTALLED = {"site-packages", "dist-packages"}  # folders of libraries, in whatever environment


def code_digest(value: Any) -> str:
    """A digest of the code of a class or function, and of everything of somebody's own that this code reads.

    That are functions, classes and modules that are not of a library, values of globals, defaults and closures, arrays
    and tables among them. What cannot be told from another, such as a connection, makes a digest that none equals.

    Args:
        value: the class or function.

    Returns:
        Sixteen hexadecimal digits.
    """
    digest = _Digest()
    try:
        digest.add("", value, ())
    except RecursionError:  # of what is nested too deeply
        digest.sha.update(uuid4().bytes)
    return digest.sha.hexdigest()[:16]


@cached
def digest_of_path(path: str) -> str:
    """The digest of the class or function at a dotted path.

    Args:
        path: as a `_target_` has it.

    Returns:
        Its `code_digest`; empty where it is of a library or of seedsweep, or cannot be imported.
    """
    module, _, name = path.rpartition(".")
    if not module or path.startswith(("seedsweep.", "torch.")):
        return ""
    with suppress(ImportError, AttributeError):
        value = getattr(importlib.import_module(module), name)
        return code_digest(value) if _is_own(getattr(value, "__module__", module)) else ""
    return ""


@cache
def _is_own(module: str) -> bool:
    """Whether a module is neither of a library, nor of Python, nor of seedsweep."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if module == "__main__":
        return True
    if file is None or INSTALLED.intersection(Path(file).parts):
        return False
    return not any(Path(file).is_relative_to(folder) for folder in LIBRARIES)


class _Digest:
    """Takes in values, each once."""

    def __init__(self) -> None:
        self.sha = hashlib.sha256()
        self._numbers: dict[int, int] = {}  # of the objects that were taken in, by their ids
        self._kept: list[Any] = []  # so that no other object gets the id of one of these

    def add(self, name: str, value: Any, attributes: tuple[str, ...]) -> None:
        """Take in a value by its name; of a module the attributes that are read of it."""
        self.sha.update(f"|{name}=".encode())
        if isinstance(value, PLAIN):
            self.sha.update(repr(value).encode())
            return
        key = (id(value), attributes if isinstance(value, ModuleType) else ())
        if hash(key) in self._numbers:
            self.sha.update(f"#{self._numbers[hash(key)]}".encode())
            return
        self._numbers[hash(key)] = len(self._numbers)
        self._kept.append(value)
        self._add_new(value, attributes)

    def _add_new(self, value: Any, attributes: tuple[str, ...]) -> None:
        if isinstance(value, ModuleType):
            self._add_module(value, attributes)
        elif isinstance(value, CodeType):
            self._add_code(value)
        elif inspect.isfunction(value) or inspect.isclass(value) or inspect.isbuiltin(value):
            self._add_defined(value)
        elif isinstance(value, partial):
            for name, content in (("func", value.func), ("args", value.args), ("keywords", value.keywords)):
                self.add(name, content, ())
        elif isinstance(value, dict):
            for item, content in value.items():
                self.add(repr(item), content, ())
        elif isinstance(value, list | tuple):
            for item in value:
                self.add("", item, ())
        elif any(callable(getattr(value, kind, None)) for kind in WRAPPED):
            for kind in WRAPPED:
                self.add(kind, getattr(value, kind, None), ())
        else:
            self._add_object(value)

    def _add_module(self, module: ModuleType, attributes: tuple[str, ...]) -> None:
        self.sha.update(module.__name__.encode())
        if _is_own(module.__name__):
            for name in attributes:
                if hasattr(module, name):
                    self.add(name, getattr(module, name), attributes)

    def _add_defined(self, value: Any) -> None:
        """A function or class: of a library its path alone."""
        module = getattr(value, "__module__", None) or ""
        self.sha.update(f"{module}.{getattr(value, '__qualname__', '')}".encode())
        is_own = module not in sys.modules or _is_own(module)  # the first of a module that was made by hand
        if is_own and inspect.isclass(value):
            for base in value.__bases__:
                self.add("base", base, ())
            for name, attribute in vars(value).items():
                if name not in UNREAD:
                    self.add(name, attribute, ())
        elif is_own and inspect.isfunction(value):
            self._add_function(value)

    def _add_function(self, function: Any) -> None:
        code = function.__code__
        self._add_code(code)
        attributes = tuple(sorted(_names(code)))
        for name in sorted(_global_names(code)):
            if name in function.__globals__:
                self.add(name, function.__globals__[name], attributes)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            with suppress(ValueError):  # of a cell that is still empty
                self.add(name, cell.cell_contents, attributes)
        self.add("defaults", function.__defaults__, ())
        self.add("keywords", function.__kwdefaults__, ())
        self.add("wrapped", getattr(function, "__wrapped__", None), ())

    def _add_code(self, code: CodeType) -> None:
        self.sha.update(code.co_code)
        for constant in code.co_consts:
            content = sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant
            self.add("constant", content, ())
        self.sha.update(repr((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)).encode())

    def _add_object(self, value: Any) -> None:
        """Anything else, by its bytes; what has none is like nothing else."""
        import cloudpickle

        self._add_defined(type(value))
        if type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "detach"):
            value = value.detach().cpu().numpy()
        if isinstance(value, np.ndarray) and value.dtype != object:
            self.sha.update(f"{value.dtype}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
            return
        try:
            self.sha.update(cloudpickle.dumps(value))
        except Exception:  # whatever an object of somebody's raises
            self.sha.update(uuid4().bytes)


def _global_names(code: CodeType) -> set[str]:
    """The globals that code looks up, also within the functions and comprehensions in it."""
    names = {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return names.union(*(_global_names(nested) for nested in code.co_consts if isinstance(nested, CodeType)))


def _names(code: CodeType) -> set[str]:
    """All names that code looks up, those of attributes among them."""
    return set(code.co_names).union(*(_names(nested) for nested in code.co_consts if isinstance(nested, CodeType)))
