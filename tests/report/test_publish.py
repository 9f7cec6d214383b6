"""Where a report is, and what it says of how it was made."""

from dataclasses import replace

from seedsweep.report.publish import page_address, provenance
from seedsweep.tracking.recorded_sweeps import RecordedSweep

TAGS = {"seedsweep.command": "python train.py -m", "seedsweep.version": "1.0", "seedsweep.version.torch": "2.0"}
SWEEP = RecordedSweep("abc", "a sweep", "1", 0, "FINISHED", TAGS, "file:///some%20where/artifacts")


def test_page_in_a_folder_has_a_path_and_elsewhere_words() -> None:
    assert page_address(SWEEP, "report") == "/some where/artifacts/report/report.html"
    remote = replace(SWEEP, artifacts="mlflow-artifacts:/1/abc/artifacts")
    assert page_address(remote, "report") == "report/report.html among the artifacts of abc in MLflow"


def test_provenance_has_the_command_and_the_versions_but_no_password() -> None:
    made = provenance([SWEEP], "postgresql://me:secret@host/db")
    assert "secret" not in made["store"]
    assert made["sweeps"] == "a sweep (abc)"
    assert made["command"] == "python train.py -m"
    assert made["versions"] == "seedsweep 1.0, torch 2.0"
    assert made["commit"] == "unknown"
