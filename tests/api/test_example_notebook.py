"""The example notebook runs from its first cell to its last, in a kernel of its own."""

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from shared.commands import ROOT


@pytest.mark.slow
def test_the_example_notebook_runs_and_shows_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "SEEDSWEEP_HOME"):
        monkeypatch.delenv(name, raising=False)
    notebook = nbformat.read(ROOT / "docs" / "notebook.ipynb", as_version=4)
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    pages = [html(output) for output in shown if html(output)]
    assert sum("<b>" in page for page in pages) >= 4  # a headline of each sweep, and of the comparison
    assert any("vega" in json.dumps(output) for output in shown)
    assert not [output for output in shown if output.output_type == "stream" and "Warning" in output.text]
    assert (tmp_path / "mlruns" / "mlflow.db").exists()
    assert (tmp_path / "report.html").stat().st_size > 100_000
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mlruns", "report.html"]


def html(output: Any) -> str:
    return str(output.get("data", {}).get("text/html", ""))
