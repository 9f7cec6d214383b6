"""The house: its files, what each of them imports, and the floor that it belongs to."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from shared.commands import ROOT

SOURCE = ROOT / "src" / "seedsweep"
FLOORS = (
    ("ground",),
    ("config",),
    ("problem",),
    ("engine", "tracking", "comparison"),
    ("sources",),
    ("report",),
    ("lifecycle",),
    ("search", "until_sure"),
    ("cli", "api"),
    ("__init__", "plugin", "names"),
)
HEIGHTS = {folder: height for height, floor in enumerate(FLOORS) for folder in floor}


@cache
def imports(file: Path) -> tuple[str, ...]:
    """The dotted names that a file imports, also within functions and for type checkers alone."""
    return tuple(_imports(file))


def _imports(file: Path) -> Iterator[str]:
    package = ".".join(file.relative_to(ROOT / "src").parent.parts)
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(filter(None, (package if node.level else "", node.module)))
            yield from (f"{module}.{name.name}" for name in node.names)


def folder(dotted: str) -> str:
    """The floor's folder that a name below `seedsweep` belongs to."""
    first = dotted.split(".")[1] if "." in dotted else "__init__"
    if first in HEIGHTS:
        return first
    return "ground" if (SOURCE / f"{first}.py").exists() or first == "__version__" else "__init__"
