"""`hydra/sweeper=optuna` for other applications: what hydra-optuna-sweeper takes, and what their functions return."""

from pathlib import Path

import optuna
import pytest
from shared.forks import run_forked
from shared.searches import results

APP = """
import hydra

@hydra.main(version_base=None, config_path=".", config_name="config")
def sphere(config):
    {body}

sphere()
"""
TPE_ONLY = """
      consider_prior: true
      n_startup_trials: 4"""
OFFICIAL = """
defaults:
  - override hydra/sweeper: optuna
  - override hydra/sweeper/sampler: tpe
hydra:
  sweeper:
    sampler:
      seed: 123
      consider_prior: true
      n_startup_trials: 4
    direction: minimize
    study_name: sphere
    storage: null
    n_trials: 12
    n_jobs: 1
    max_failure_rate: 0.0
    params:
      x: range(-5.5, 5.5, step=0.5)
      y: choice(-5, 0, 5)
x: 1
y: 1
z: foo
"""


def application(folder: Path, config: str, *arguments: str, body: str = "return config.x**2 + config.y**2") -> str:
    """An application that is not ours, run to its end in a process of its own; what it printed."""
    (folder / "app.py").write_text(APP.format(body=body))
    (folder / "config.yaml").write_text(config)
    ended = run_forked("app.py", "-m", "hydra.sweep.dir=out", *arguments, cwd=folder)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`consider_prior`")
def test_configuration_of_the_official_sweeper_runs_unchanged(tmp_path: Path) -> None:
    application(tmp_path, OFFICIAL)
    actual = results(tmp_path / "out")
    with pytest.warns(FutureWarning, match="consider_prior"):
        sampler = optuna.samplers.TPESampler(seed=123, consider_prior=True, n_startup_trials=4)
    study = optuna.create_study(sampler=sampler)
    study.optimize(
        lambda trial: (
            trial.suggest_float("x", -5.5, 5.0, step=0.5) ** 2 + trial.suggest_categorical("y", [-5, 0, 5]) ** 2
        ),
        n_trials=12,
    )
    assert actual == {"name": "optuna", "best_params": study.best_params, "best_value": study.best_value}


@pytest.mark.slow
def test_solutions_of_several_objectives_are_written(tmp_path: Path) -> None:
    config = OFFICIAL.replace(TPE_ONLY, "").replace("direction: minimize", "direction: [minimize, maximize]")
    application(tmp_path, config, "hydra/sweeper/sampler=nsgaii", body="return config.x, config.y")
    solutions = results(tmp_path / "out")["solutions"]
    assert solutions
    assert all([item["params"]["x"], item["params"]["y"]] == item["values"] for item in solutions)


@pytest.mark.slow
def test_grid_is_searched_once_without_its_end(tmp_path: Path) -> None:
    config = OFFICIAL.replace(TPE_ONLY, "").replace("range(-5.5, 5.5, step=0.5)", "range(0, 3)")
    config = config.replace("n_trials: 12", "n_trials: 100")
    printed = application(tmp_path, config, "hydra/sweeper/sampler=grid", "hydra/launcher=basic")
    jobs = {line.split(" : ")[1] for line in printed.splitlines() if " : " in line}
    assert jobs == {f"x={x} y={y}" for x in range(3) for y in (-5, 0, 5)}


@pytest.mark.slow
def test_failures_are_tolerated_up_to_their_rate(tmp_path: Path) -> None:
    body = "return 1 / config.x"
    config = OFFICIAL.replace("range(-5.5, 5.5, step=0.5)", "0,1").replace("n_jobs: 1", "n_jobs: 6")
    config = config.replace(TPE_ONLY, "").replace("sampler: tpe", "sampler: random")
    application(tmp_path, config, "hydra.sweeper.max_failure_rate=0.9", body=body)
    assert results(tmp_path / "out")["best_params"]["x"] == 1
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        application(tmp_path, config, "hydra.sweeper.study_name=other", body=body)


@pytest.mark.slow
def test_search_without_a_best_trial_says_so(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no trial came to its end"):
        application(tmp_path, OFFICIAL, "hydra.sweeper.max_failure_rate=1", body="return 1 / 0")


@pytest.mark.slow
def test_result_that_is_not_a_number_is_a_failed_trial(tmp_path: Path) -> None:
    config = OFFICIAL.replace("range(-5.5, 5.5, step=0.5)", "0,1").replace("n_jobs: 1", "n_jobs: 6")
    config = config.replace(TPE_ONLY, "").replace("sampler: tpe", "sampler: random")
    printed = application(
        tmp_path, config, "hydra.sweeper.max_failure_rate=0.9", body="return float('nan') if config.x else 3.0"
    )
    assert results(tmp_path / "out")["best_params"]["x"] == 0
    assert "not a number" in printed


@pytest.mark.slow
def test_numbers_of_numpy_are_kept_by_a_storage(tmp_path: Path) -> None:
    body = "import numpy; return numpy.float32(config.x)"
    application(tmp_path, OFFICIAL, f"hydra.sweeper.storage=sqlite:///{tmp_path}/o.db", body=body)
    assert results(tmp_path / "out")["best_value"] >= -5.5
