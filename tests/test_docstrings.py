"""What is public, or called from another floor, says what it takes, what it gives and what it raises."""

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest
from shared.house import SOURCE, folder, imports

Documented = ast.FunctionDef | ast.ClassDef


@lru_cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def crossing() -> list[str]:
    """The functions and classes, by their dotted names, that another floor or the public modules import."""
    names = set()
    for file in SOURCE.rglob("*.py"):
        module = ".".join(file.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
        names |= {name for name in imports(file) if name.startswith("seedsweep.") and folder(name) != folder(module)}
    return sorted(name for name in names if definition(name))


def definition(dotted: str) -> Documented | None:
    """The function or class of that name; None for a constant or a module."""
    *path, name = dotted.split(".")[1:]
    file = SOURCE.joinpath(*path).with_suffix(".py")
    if not path or not file.exists():
        return None
    nodes = (node for node in tree(file).body if isinstance(node, Documented) and node.name == name)
    return next(nodes, None)


def arguments(node: ast.FunctionDef) -> list[str]:
    args = node.args
    names = [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
    return [arg.arg for arg in names if arg.arg not in ("self", "cls")]


def section(docstring: str, title: str) -> str:
    """What stands below a title such as `Args:`, up to the next title."""
    text = re.search(rf"^{title}:\n((?:[ ]+.*\n?|\n)*)", docstring, re.M)
    return text[1] if text else ""


def raises(node: ast.FunctionDef) -> bool:
    """Whether the function itself raises an error of ours."""
    thrown = [child.exc for child in ast.walk(node) if isinstance(child, ast.Raise) and isinstance(child.exc, ast.Call)]
    return any(isinstance(error.func, ast.Name) and not error.func.id.startswith("_") for error in thrown)


@pytest.mark.parametrize("dotted", crossing())
def test_what_crosses_a_floor_documents_its_arguments(dotted: str) -> None:
    node = definition(dotted)
    docstring = ast.get_docstring(node) if node else None
    assert docstring, "a docstring"
    if isinstance(node, ast.ClassDef):
        return
    listed = re.findall(r"^\s+\*{0,2}(\w+):", section(docstring, "Args"), re.M)
    assert [name for name in arguments(node) if name not in listed] == []
    gives = node.returns is not None and ast.unparse(node.returns) not in ("None", "Iterator[None]")
    assert not gives or section(docstring, "Returns") or section(docstring, "Yields"), "what it returns"
    assert not raises(node) or section(docstring, "Raises"), "what it raises"
