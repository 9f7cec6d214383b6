"""The best trials of a search get fresh seeds until it is sure which of them wins."""

from collections.abc import Callable
from typing import Any

import optuna
import pytest
from mlflow import MlflowClient
from optuna.distributions import CategoricalDistribution
from optuna.storages import InMemoryStorage
from shared.commands import Ended
from shared.searches import ADAM, PER_OPTION, results
from shared.stores import runs_in

from seedsweep.search.aggregate import Aggregate
from seedsweep.search.option_study import OptionStudy
from seedsweep.search.rounds import Search
from seedsweep.search.shared_study import SharedStudy
from seedsweep.search.spaces import SearchSpace
from seedsweep.search.tables import confirmed_table

RATES = (0.1, 0.2, 0.9)
GRID = ("trainer.max_epochs=2", "hydra/sweeper/sampler=grid", "hydra.sweeper.seeds=2", "hydra.sweeper.n_jobs=3")
JUDGED = ("hydra.sweeper.confirm=2", "hydra.sweeper.confirm_seeds=12", "hydra.sweeper.confirm_max_seeds=20")


def grid_search(storage: InMemoryStorage, options: tuple[str, ...] = ("",), direction: str = "minimize") -> Search:
    """A search of all rates for each option, with two seeds and up to 40 fresh ones, without a command."""
    space = {"lr": CategoricalDistribution(RATES)}
    studies = []
    for option in options:
        sampler = optuna.samplers.GridSampler({"lr": RATES})
        study = SharedStudy(f"ours {option}", storage, [direction], sampler, None, space, len(RATES))
        fixed = {"option": option} if option else {}
        studies.append(OptionStudy(study, SearchSpace(space, fixed, (*fixed, "lr"), {}), option, (0, 1)))
    about: dict[str, Any] = {"confirm": 3, "fresh": range(2, 42), "confirm_first": 10}
    return Search(studies, Aggregate([direction]), 3, **about)


def train_all(search: Search, value: Callable[[dict[str, str]], float | Exception]) -> list[str]:
    """Train until the search asks for no more; the jobs."""
    asked = []
    while jobs := search.ask():
        asked += [" ".join(job) for job in jobs]
        search.tell([value(dict(part.split("=") for part in job)) for job in jobs])
    return asked


def loss(job: dict[str, str]) -> float:
    """A rate, with noise that all jobs with a seed have in common."""
    return float(job["lr"]) + (int(job["seed"]) * 7919 % 13) / 10 + (len(job.get("option", "")) == 3)


def counts(search: Search) -> dict[str, int]:
    table = confirmed_table(search)
    return table.groupby(table["option"] + table["setting"], sort=False).size().to_dict()


def test_trials_are_dropped_as_soon_as_fresh_seeds_have_decided() -> None:
    search = grid_search(InMemoryStorage())
    asked = train_all(search, loss)
    assert search.answer == "lr=0.1 wins; sure at 95 % after 30 of at most 120 runs; 2 of 3 cells dropped"
    assert len(asked) == 6 + 30
    assert [trial.params["lr"] for trial in search.confirmations] == [0.1, 0.2, 0.9]


def test_what_lives_goes_on_alone_and_what_was_dropped_stands_last() -> None:
    def close(job: dict[str, str]) -> float:
        if job["lr"] == "0.2":
            return 100.0
        return (-1) ** (int(job["seed"]) + (job["lr"] == "0.1"))  # now this one is better, now that

    search = grid_search(InMemoryStorage())
    train_all(search, close)
    assert list(counts(search).values()) == [40, 40, 10]
    assert list(counts(search))[2] == "lr=0.2"
    assert "cannot be told apart; not sure after 90 of at most 120 runs; 1 of 3 cells dropped" in search.answer


def test_between_several_options_it_is_decided_which_of_them_wins() -> None:
    search = grid_search(InMemoryStorage(), ("good", "bad"))
    train_all(search, loss)
    assert search.answer.startswith("good wins; sure at 95 %")
    assert {trial.option for trial in search.confirmations} == {"good", "bad"}
    assert search.confirmations[0].option == "good"


def test_larger_may_be_better_and_failed_runs_count_as_the_worst() -> None:
    def accuracy(job: dict[str, str]) -> float | Exception:
        return ValueError("broken") if job["lr"] == "0.9" and int(job["seed"]) > 1 else loss(job)

    search = grid_search(InMemoryStorage(), direction="maximize")
    train_all(search, accuracy)
    assert search.answer.startswith("lr=0.2 wins")


def test_one_trial_alone_is_confirmed_with_the_first_seeds() -> None:
    search = grid_search(InMemoryStorage())
    search.confirm = 1
    train_all(search, loss)
    assert (counts(search), search.answer) == ({"lr=0.1": 10}, "")


def test_what_was_trained_is_not_trained_again() -> None:
    storage = InMemoryStorage()
    first = grid_search(storage)
    train_all(first, loss)
    again = grid_search(storage)
    assert train_all(again, loss) == []
    assert (again.answer, again.confirmations) == (first.answer, first.confirmations)


def test_an_interrupted_answer_goes_on_with_what_is_missing() -> None:
    whole = train_all(grid_search(InMemoryStorage(), ("good", "bad")), loss)
    storage, rest = InMemoryStorage(), iter(range(50))

    def interrupted(job: dict[str, str]) -> float:
        if next(rest, None) is None:
            raise KeyboardInterrupt
        return loss(job)

    with pytest.raises(KeyboardInterrupt):
        train_all(grid_search(storage, ("good", "bad")), interrupted)
    again = train_all(grid_search(storage, ("good", "bad")), loss)
    assert set(again) < set(whole)
    assert "good wins" in train_and_say(storage)


def train_and_say(storage: InMemoryStorage) -> str:
    search = grid_search(storage, ("good", "bad"))
    assert train_all(search, loss) == []
    return search.answer


@pytest.mark.fast
def test_command_says_which_trial_wins(
    train: Callable[..., Ended], compare: Callable[..., Ended], client: MlflowClient, tmp_path: Any
) -> None:
    ended = train(*ADAM, *GRID, "optimizer.lr=0.0001,0.1", *JUDGED)
    assert ended.code == 0, ended.err
    sentence = "optimizer.lr=0.1 wins; sure at 95 % after 24 of at most 40 runs; 1 of 2 cells dropped"
    assert sentence in ended.out
    assert results(tmp_path / "out")["answer"] == sentence
    (sweep,) = runs_in(client, "sweep")
    assert sweep.data.tags["seedsweep.answer"] == sentence
    assert len(runs_in(client)) == 4 + 24
    assert sentence in compare().out


def test_options_of_a_search_are_judged_by_the_command(
    train: Callable[..., Ended], compare: Callable[..., Ended]
) -> None:
    ended = train(*PER_OPTION, *GRID, "optimizer=sgd,adam", "optimizer.lr=0.001,0.1", *JUDGED)
    assert ended.code == 0, ended.err
    assert "adam wins; sure at 95 %" in ended.out
    assert "adam wins; sure at 95 %" in compare().out


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (("hydra.sweeper.confirm_seeds=1",), "hydra.sweeper.confirm_seeds=1: must be an integer of at least 2"),
        (
            ("hydra.sweeper.confirm_max_seeds=3",),
            "hydra.sweeper.confirm_max_seeds=3: must be an integer of at least 12",
        ),
        (("hydra.sweeper.seeds=null",), "hydra.sweeper.confirm_max_seeds=20: needs trials of several seeds"),
    ],
)
def test_what_cannot_be_judged_is_refused(keys: tuple[str, ...], message: str, train: Callable[..., Ended]) -> None:
    ended = train(*ADAM, *GRID, "optimizer.lr=0.01,0.1", *JUDGED, *keys)
    assert ended.code == 1
    assert message in ended.err
