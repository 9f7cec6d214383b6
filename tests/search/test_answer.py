"""A comparison that is asked of recorded searches says what they have confirmed."""

import re

from mlflow import MlflowClient
from shared.searches import OPTIMIZERS, PER, PER_OPTION, SMALL, Train
from shared.stores import runs_in


def test_comparison_of_a_search_is_that_of_its_confirmed_winners(train: Train, compare: Train) -> None:
    assert train(*PER, OPTIMIZERS, *SMALL, "hydra.sweeper.studies=2").code == 0
    said = compare()
    assert said.code == 0, said.err
    assert "each option's winners" in said.out
    assert "search.html" in said.out


def test_comparison_of_a_search_whose_options_are_numbers_takes_no_other_question(train: Train, compare: Train) -> None:
    per = (*PER_OPTION[:2], "hydra.sweep.dir=out", "trainer.max_epochs=1", "hydra.sweeper.per=data.batch_size")
    assert train(*per, "data.batch_size=16,32", "optimizer.lr=interval(0.1, 1)", "optimizer=adam", *SMALL).code == 0
    said = compare()
    assert said.code == 0, said.err
    assert re.search("(16 and 32|32 and 16) cannot be told apart|(16|32) wins", said.out)
    refused = compare("metric=val/accuracy")
    assert (refused.code, refused.out) == (1, "")
    assert "metric=val/accuracy: is not asked of a search" in refused.err
    assert "export=table.tex: is not made of a search" in compare("export=table.tex").err


def test_comparison_of_a_search_that_confirmed_nothing_says_so(train: Train, compare: Train) -> None:
    search = ("-m", "hydra/sweeper=optuna", "hydra.sweep.dir=out", "trainer.max_epochs=1", "optimizer=adam")
    ended = train(*search, "hydra.sweeper.n_trials=2")
    assert "a study of 2 trials has hardly begun" in ended.out
    said = compare()
    assert said.code == 1
    assert "has confirmed no trial has nothing to compare: search with hydra.sweeper.seeds=5" in said.err


def test_comparison_of_a_search_of_one_study_is_its_best_trials_on_fresh_seeds(train: Train, compare: Train) -> None:
    ended = train("-m", "hydra/sweeper=optuna", "hydra.sweep.dir=out", "trainer.max_epochs=1", "optimizer=adam", *SMALL)
    said = compare()
    assert said.code == 0, said.err
    table = ended.out[ended.out.index("the best trials, again with 2 fresh seeds") : ended.out.index("\n!")]
    assert table in said.out
    assert "search.html" in said.out


def test_searches_of_the_same_studies_are_compared_by_the_newest(
    train: Train, compare: Train, client: MlflowClient
) -> None:
    for confirmed in (2, 3):  # the second has nothing left to do but to confirm with a seed more
        more = (f"hydra.sweeper.confirm_seeds={confirmed}", "hydra.sweeper.studies=2", *SMALL)
        assert train(*PER, OPTIMIZERS, *more).code == 0
    ids = ",".join(run.info.run_id for run in runs_in(client, "sweep"))
    said = compare(f"sweep=[{ids}]")
    assert said.code == 0, said.err
    assert re.search(r"adam +2 +3 ", said.out)
