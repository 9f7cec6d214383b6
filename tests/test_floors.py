"""The floors of the house: a folder imports those before it in this order, and never one after it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from shared import house
from shared.commands import ROOT
from shared.house import HEIGHTS, SOURCE, folder, imports

ONLY_IN = {"mlflow": {"tracking"}}  # packages that one folder alone imports
NEVER_IN = {"comparison": {"torch", "pytorch_lightning", "lightning", "mlflow", "hydra"}}


def wrong_edges(file: Path) -> list[str]:
    """The imports of a file that break the order of the floors."""
    module = ".".join(file.relative_to(house.ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
    floor, edges = folder(module), []
    for name in imports(file):
        package = name.partition(".")[0]
        wrong = floor not in ONLY_IN.get(package, {floor}) or package in NEVER_IN.get(floor, ())
        if package == "seedsweep" and folder(name) != floor:
            wrong = HEIGHTS[folder(name)] >= HEIGHTS[floor]
        if wrong:
            edges.append(f"{module} -> {name}")
    return edges


def test_no_folder_imports_one_that_comes_after_it() -> None:
    assert [edge for file in sorted(SOURCE.rglob("*.py")) for edge in wrong_edges(file)] == []


@pytest.mark.parametrize(
    ("module", "line", "edge"),
    [
        ("config/plan.py", "from seedsweep.tracking.tags import run_tags", "seedsweep.tracking.tags.run_tags"),
        ("engine/lightning.py", "from seedsweep.tracking import run_writer", "seedsweep.tracking.run_writer"),
        ("report/html.py", "def late() -> None:\n    import mlflow.entities", "mlflow.entities"),
        ("comparison/scores.py", "if TYPE_CHECKING:\n    from torch import Tensor", "torch.Tensor"),
        ("errors.py", "from . import config", "seedsweep.config"),
    ],
)
def test_a_wrong_import_is_named(
    module: str, line: str, edge: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "src" / "seedsweep" / module
    file.parent.mkdir(parents=True)
    file.write_text(line)
    monkeypatch.setattr(house, "ROOT", tmp_path)
    assert [name.partition(" -> ")[2] for name in wrong_edges(file)] == [edge]


def test_plugins_import_the_contract_alone() -> None:
    for file in sorted((ROOT / "src" / "hydra_plugins").rglob("*.py")):
        ours = {name for name in imports(file) if name.startswith("seedsweep")}
        assert all(name.startswith("seedsweep.plugin") for name in ours), file.name


def test_the_ground_has_fewer_than_ten_files() -> None:
    assert len(list(SOURCE.glob("*.py"))) < 10


def test_every_folder_says_what_comes_in_what_goes_out_and_who_calls_it() -> None:
    for file in sorted(SOURCE.rglob("*/__init__.py")):
        docstring = ast.get_docstring(ast.parse(file.read_text())) or ""
        assert len(docstring.splitlines()) == 3, file


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function besides its docstring."""
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


def test_files_and_functions_are_short() -> None:
    for file in sorted((ROOT / "src").rglob("*.py")):
        text = file.read_text()
        assert len(text.splitlines()) <= 300, file
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert code_lines(node) <= 40, f"{file}: {node.name}"


def test_comparison_loads_neither_torch_nor_a_tracker() -> None:
    modules = [f"seedsweep.comparison.{file.stem}" for file in (SOURCE / "comparison").glob("[a-z]*.py")]
    code = f"import {', '.join(modules)}, sys; print(*{NEVER_IN['comparison']} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
