"""A study goes on only with the search that it was begun with."""

from shared.searches import PER, SMALL, Train


def test_study_goes_on_only_with_what_its_trials_have_in_common(train: Train) -> None:
    assert train(*PER, "optimizer=adam", *SMALL).code == 0
    for other, said in (("seeds=3", "seeds: was [0, 1], is [0, 1, 2]"), ("aggregate=worst", "aggregate: was mean")):
        ended = train(
            *PER,
            "optimizer=adam",
            *SMALL[:1],
            SMALL[2],
            f"hydra.sweeper.{other}",
            *([] if "seeds" in other else SMALL[1:2]),
        )
        assert ended.code == 1
        assert said in ended.err


def test_study_without_a_finished_trial_goes_on_whatever_was_agreed(train: Train) -> None:
    search = (*PER, "optimizer=adam", "hydra.sweeper.n_trials=2", "hydra.sweeper.study_name=one")
    refused = train(*search, "hydra.sweeper.seeds=2", "objective.select=first")  # when it had been asked for trials
    assert refused.code == 1
    assert train(*search, "hydra.sweeper.seeds=1", "objective.select=best").code == 0
    again = train(*search, "hydra.sweeper.seeds=2", "objective.select=best")
    assert "seeds: was [0], is [0, 1]" in again.err
