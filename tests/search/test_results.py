"""The results that a search writes at its end."""

from pathlib import Path

import yaml
from shared.searches import OPTIMIZERS, PER, SMALL, Train, studies


def test_results_name_the_best_of_every_study(train: Train, tmp_path: Path) -> None:
    assert train(*PER, OPTIMIZERS, *SMALL).code == 0
    actual = yaml.safe_load((tmp_path / "out" / "optimization_results.yaml").read_text())
    kept = studies(tmp_path)
    assert {item["study"]: item["best_value"] for item in actual["studies"]} == {
        name: study.best_value for name, study in kept.items()
    }
    assert actual["best_value"] == min(study.best_value for study in kept.values())
    assert {item["option"] for item in actual["confirmed"]} == {"sgd", "adam"}
