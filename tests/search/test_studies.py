"""The studies of an option are independent of each other."""

from pathlib import Path

from mlflow import MlflowClient
from shared.searches import OPTIMIZERS, PER, SMALL, Train, artifact, runs_of, studies


def test_studies_of_an_option_have_neither_suggestions_nor_seeds_in_common(
    train: Train, client: MlflowClient, tmp_path: Path
) -> None:
    ended = train(*PER, OPTIMIZERS, *SMALL, "hydra.sweeper.studies=2", "hydra.sweeper.sampler.seed=1")
    assert ended.code == 0, ended.err
    actual = studies(tmp_path)
    assert len(actual) == 4
    suggested = [trial.params["optimizer.lr"] for study in actual.values() for trial in study.trials]
    assert len(set(suggested)) == 8
    trained = {
        name: {job[-2] for trial in study.trials for job in map(str.split, runs_of(trial))}
        for name, study in actual.items()
    }
    assert [seeds for _, seeds in sorted(trained.items())] == [{"seed=0", "seed=1"}, {"seed=2", "seed=3"}] * 2
    again = artifact(client, "confirmed.csv", tmp_path)
    assert again.groupby("study")["seed"].apply(list).tolist() == [[4, 5]] * 4
    assert "each option's winners, the luck of the search included" in ended.out
