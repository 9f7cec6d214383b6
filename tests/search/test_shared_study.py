"""However many processes work on a study, and whatever becomes of them, it gets exactly the trials it should have."""

import gc
import itertools
import json
import os
import sys
import tempfile
import threading
import uuid
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import optuna
import psycopg
import pytest
import sqlalchemy
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState
from shared.forks import forks
from shared.waiting import wait_for

from seedsweep.errors import ConfigError
from seedsweep.search.counting import OWNER, TRIES, UNUSED
from seedsweep.search.shared_study import SharedStudy
from seedsweep.search.storages import open_storage
from seedsweep.tracking import processes

SPACE = {
    "lr": FloatDistribution(1e-4, 10, log=True),
    "width": IntDistribution(4, 64, step=4),
    "optimizer": CategoricalDistribution(["sgd", "adam"]),
    "momentum": FloatDistribution(0, 0.75, step=0.25),
}
COMPLETE, FAIL, PRUNED, RUNNING = TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED, TrialState.RUNNING


def shared(storage: BaseStorage, n_trials: int, name: str = "ours", **options: Any) -> SharedStudy:
    usual: dict[str, Any] = {"directions": ["minimize"], "sampler": optuna.samplers.RandomSampler(), "pruner": None}
    return SharedStudy(name, storage, n_trials=n_trials, **(usual | {"space": SPACE} | options))


def loss(trial: Trial | FrozenTrial) -> float:
    return float(trial.params["lr"] + trial.params["width"] + trial.params["momentum"])


def work(study: SharedStudy) -> int:
    """What a process does until nothing is left for it; how many trials it ended."""
    ended = 0
    while study.reap() or study.missing():
        for trial in study.ask(2):
            ended += study.tell(trial, [loss(trial)], COMPLETE)
    return ended


def main(storage: str, n_trials: str, hold: str) -> None:
    """In a process of its own: waits for a line, then holds some trials until it is killed, or works to the end."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("error")
    say("ready")
    sys.stdin.readline()
    study = shared(open_storage(storage), int(n_trials))
    if int(hold):
        say([trial.params for trial in study.ask(int(hold))])
        sys.stdin.readline()
    say(work(study))


def say(what: Any) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.exit()


class Worker:
    """`main` in a process of its own."""

    def __init__(self, storage: str, n_trials: int, hold: int = 0):
        words = (__file__, storage, str(n_trials), str(hold))
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}  # with what tests share
        (reads, tells), (hears, writes) = os.pipe(), os.pipe()
        self.process = forks().start(*words, env=environment, streams=(reads, writes, 2))
        for end in (reads, writes):
            os.close(end)
        self.input, self.output = os.fdopen(tells, "w"), os.fdopen(hears)

    def start(self) -> None:
        assert self.told() == "ready"
        self.input.write("\n")
        self.input.flush()

    def told(self) -> Any:
        return json.loads(self.output.readline())

    def end(self) -> int:
        code = self.process.wait()
        self.input.close()
        self.output.close()
        return code


def work_together(*workers: Worker) -> list[int]:
    """How many trials each process ended."""
    for worker in workers:
        worker.start()
    ended = [worker.told() for worker in workers]
    assert {worker.end() for worker in workers} == {0}
    return ended


@pytest.fixture(params=["sqlite", "journal", "postgresql"])
def where(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a storage that is not there yet."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # a disk takes ten times as long for as many commits
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        if request.param == "postgresql":
            yield new_database(request.getfixturevalue("postgres"))
        else:
            yield f"sqlite:///{folder}/new/optuna.db" if request.param == "sqlite" else f"{folder}/new/optuna.log"


def new_database(server: Any) -> str:
    name = f"optuna_{uuid.uuid4().hex}"
    with psycopg.connect(server.uri("postgres").replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
    return str(server.uri(name))


def counted(study: SharedStudy) -> list[FrozenTrial]:
    return [trial for trial in study.study.trials if UNUSED not in trial.user_attrs]


def unused(study: SharedStudy) -> Counter[str]:
    return Counter(trial.user_attrs[UNUSED] for trial in study.study.trials if UNUSED in trial.user_attrs)


def test_a_study_of_many_processes_gets_exactly_its_trials(where: str, opened: Callable[[str], BaseStorage]) -> None:
    ended = work_together(*(Worker(where, 50) for _ in range(4)))
    study = shared(opened(where), 50)
    assert sum(ended) == 50
    assert [trial.state for trial in counted(study)] == [COMPLETE] * 50
    assert set(unused(study)) <= {"surplus"}
    assert study.ask(1) == []


def test_trials_of_a_killed_process_are_run_again_once(where: str, opened: Callable[[str], BaseStorage]) -> None:
    killed, *others = Worker(where, 12, hold=3), Worker(where, 12), Worker(where, 12)
    killed.start()
    held = killed.told()
    killed.process.kill()
    killed.end()

    work_together(*others)
    study = shared(opened(where), 12)
    assert [trial.state for trial in counted(study)] == [COMPLETE] * 12
    assert unused(study)["its process is gone"] == 3
    params = [trial.params for trial in counted(study)]
    assert [params.count(item) for item in held] == [1, 1, 1]


Batch = list[tuple[dict[str, Any], int]]
SAMPLERS: dict[str, Callable[[], optuna.samplers.BaseSampler]] = {
    "random": lambda: optuna.samplers.RandomSampler(seed=1),
    "tpe": lambda: optuna.samplers.TPESampler(seed=1, n_startup_trials=4),
    "univariate tpe": lambda: optuna.samplers.TPESampler(
        seed=1, n_startup_trials=4, multivariate=False, constant_liar=False
    ),
    "multivariate tpe": lambda: optuna.samplers.TPESampler(
        seed=1, n_startup_trials=4, multivariate=True, group=True, constant_liar=True
    ),
    "cmaes": lambda: optuna.samplers.CmaEsSampler(
        seed=1, n_startup_trials=2, popsize=4, warn_independent_sampling=False
    ),
    "gp": lambda: optuna.samplers.GPSampler(seed=1, n_startup_trials=3),
    "qmc": lambda: optuna.samplers.QMCSampler(seed=1, scramble=True, warn_independent_sampling=False),
    "nsgaii": lambda: optuna.samplers.NSGAIISampler(seed=1, population_size=4),
    "grid": lambda: optuna.samplers.GridSampler(GRID, seed=1),
}
GRID = {"lr": [0.01, 0.1], "width": [4, 8], "optimizer": ["sgd", "adam"], "momentum": [0.0, 0.5]}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", SAMPLERS)
def test_values_are_those_of_optuna_alone(name: str) -> None:
    directions = ["minimize", "maximize"] if name == "nsgaii" else ["minimize"]
    study = shared(InMemoryStorage(), 100, sampler=SAMPLERS[name](), directions=directions)
    alone = optuna.create_study(directions=directions, sampler=SAMPLERS[name]())
    for most in (3, 2) if name == "gp" else (1, 1, 3, 1, 4, 1, 3):  # it takes seconds for each
        asked, expected = study.ask(most), [asked_alone(alone) for _ in range(most)]
        assert [trial.params for trial in asked] == [trial.params for trial in expected]
        for trial, other in zip(asked, expected, strict=True):
            values = [loss(trial), trial.params["lr"]][: len(directions)]
            assert study.tell(trial, values, COMPLETE)
            alone.tell(other, values)


def test_values_follow_what_others_have_told_since(tmp_path: Path) -> None:
    storage = open_storage(f"{tmp_path}/trials.log")
    samplers = [optuna.samplers.TPESampler(seed=seed, n_startup_trials=2, constant_liar=False) for seed in (1, 2, 1, 2)]
    first, second = (shared(storage, 20, sampler=item) for item in samplers[:2])
    made = {"study_name": "alone", "storage": storage, "load_if_exists": True}
    alone, beside = (optuna.create_study(sampler=item, **made) for item in samplers[2:])
    for most in (3, 4, 5):
        asked, expected = first.ask(most), [asked_alone(alone) for _ in range(most)]
        for trial, other in zip(asked, expected, strict=True):
            first.tell(trial, [-float(most)], COMPLETE)  # better than all before
            alone.tell(other, -float(most))
        assert [trial.params for trial in second.ask(1)] == [asked_alone(beside).params]


def asked_alone(study: optuna.Study) -> Trial:
    trial = study.ask()
    trial.suggest_float("lr", 1e-4, 10, log=True)
    trial.suggest_int("width", 4, 64, step=4)
    trial.suggest_categorical("optimizer", ["sgd", "adam"])
    trial.suggest_float("momentum", 0, 0.75, step=0.25)
    return trial


def test_a_grid_is_run_to_its_end_though_trials_are_lost() -> None:
    storage = InMemoryStorage()
    grid = {"sampler": optuna.samplers.GridSampler(GRID, seed=1)}
    shared(storage, 16, **grid).ask(3)  # of an object that nobody holds any more
    study = shared(storage, 16, **grid)
    assert work(study) == 16
    points = {tuple(trial.params.values()) for trial in counted(study)}
    assert points == set(itertools.product(*GRID.values()))


def test_a_grid_is_run_to_its_end_though_a_suggestion_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    study = shared(InMemoryStorage(), 16, sampler=optuna.samplers.GridSampler(GRID, seed=1))
    with monkeypatch.context() as interrupted:
        interrupted.setattr(Trial, "suggest_categorical", interrupt)
        with pytest.raises(KeyboardInterrupt):
            study.ask(3)
    assert study.study.trials[0].params.keys() == {"lr", "width"}
    assert work(study) == 16
    assert {tuple(trial.params.values()) for trial in counted(study)} == set(itertools.product(*GRID.values()))


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def test_a_study_is_read_once_for_the_trials_of_a_process_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    study, read = shared(InMemoryStorage(), 9), []
    trials = study._trials
    monkeypatch.setattr(study, "_trials", lambda: read.append(1) or trials())
    assert len(study.ask(4)) == len(study.ask(4)) == 4
    assert len(read) == 2
    shared(study.storage, 9).ask(1)
    assert study.ask(1) == []


def test_what_others_enqueue_meanwhile_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    study = shared(InMemoryStorage(), 5)
    between(monkeypatch, study, lambda: study.study.enqueue_trial({"lr": 0.25}))
    assert 0.25 in [trial.params["lr"] for trial in study.ask(5)]


def test_who_comes_second_for_the_last_trial_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = InMemoryStorage()
    first, second = shared(storage, 5), shared(storage, 5)
    second.ask(4)
    asked = between(monkeypatch, second, lambda: first.ask(1))
    assert second.ask(3) == []
    assert [trial.number for trial in asked()] == [4]
    assert unused(first) == {"surplus": 1}
    assert first.missing() == 0


def test_who_comes_second_for_a_lost_trial_gets_another(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = InMemoryStorage()
    lost = shared(storage, 2).ask(1)[0].params
    first, second = shared(storage, 2), shared(storage, 2)
    assert [trial.params for trial in second.reap()] == [lost]
    asked = between(monkeypatch, second, lambda: first.ask(1))
    (other,) = second.ask(2)
    assert [trial.params for trial in asked()] == [lost]
    assert other.params != lost
    assert unused(first) == {"its process is gone": 1, "surplus": 1}
    assert first.missing() == 0


def between(monkeypatch: pytest.MonkeyPatch, study: SharedStudy, do: Callable[[], Any]) -> Callable[[], Any]:
    """Has `do` done after the study has been read, and just before the next trial is made; what it returned."""
    storage = study.study._storage
    make, waiting, done = storage.create_new_trial, [do], []

    def made(study_id: int, template_trial: FrozenTrial | None = None) -> int:
        while waiting:
            done.append(waiting.pop()())
        return make(study_id, template_trial)

    monkeypatch.setattr(storage, "create_new_trial", made)
    return lambda: done[0]


def test_what_was_tried_counts_however_it_ended() -> None:
    study = shared(InMemoryStorage(), 4)
    first, second, third = study.ask(3)
    assert study.tell(first, None, FAIL, {"why": "it raised"})
    assert study.tell(second, None, PRUNED)
    assert study.missing() == 1
    assert len(study.ask(5)) == 1
    assert study.tell(third, [1.0], COMPLETE)
    assert [trial.state for trial in study.study.trials] == [FAIL, PRUNED, COMPLETE, RUNNING]
    assert study.study.trials[0].user_attrs["why"] == "it raised"


def test_a_study_goes_on_to_more_trials_but_not_to_fewer() -> None:
    storage = InMemoryStorage()
    assert work(shared(storage, 3)) == 3
    assert work(shared(storage, 2)) == 0
    assert work(shared(storage, 5)) == 2


def test_a_result_that_comes_too_late_is_refused_without_an_error() -> None:
    storage = InMemoryStorage()
    (trial,) = (late := shared(storage, 2)).ask(1)
    assert [item.number for item in shared(storage, 2).reap()] == [trial.number]
    assert not late.tell(trial, [1.0], COMPLETE)
    assert not late.tell(trial, [1.0], COMPLETE, {"key": "value"})
    assert late.missing() == 2


def test_values_that_do_not_fit_raise_and_the_trial_runs_on() -> None:
    study = shared(InMemoryStorage(), 1)
    (trial,) = study.ask(1)
    with pytest.raises(ValueError, match="number of the values"):
        study.tell(trial, [1.0, 2.0], COMPLETE)
    assert study.reap() == []
    assert study.tell(trial, [1.0], COMPLETE)


def test_what_ends_its_process_again_and_again_is_given_up() -> None:
    storage = InMemoryStorage()
    lost = [shared(storage, 1)]
    params = lost[0].ask(1)[0].params
    for _ in range(TRIES - 1):
        lost.append(shared(storage, 1))
        assert lost[-1].reap()
        assert [trial.params for trial in lost[-1].ask(1)] == [params]
    study = shared(storage, 1)
    assert study.reap()
    (trial,) = study.ask(1)
    assert trial.params != params
    assert study.tell(trial, [1.0], COMPLETE)
    assert study.missing() == 0


def test_what_was_enqueued_is_run_with_its_attributes() -> None:
    study = shared(InMemoryStorage(), 3)
    study.study.enqueue_trial({"lr": 0.5}, user_attrs={"note": "mine"})
    first, second = study.ask(2)
    assert first.params["lr"] == 0.5
    assert first.user_attrs["note"] == "mine"
    assert second.params["lr"] != 0.5
    assert unused(study) == {"runs under another number": 1}
    assert study.missing() == 1


def test_a_conditional_space_is_suggested_after_the_space() -> None:
    def momentum(trial: Trial) -> None:
        if trial.params["optimizer"] == "sgd":
            trial.suggest_float("sgd.nesterov", 0, 1)

    storage = InMemoryStorage()
    trials = shared(storage, 20, suggest=momentum).ask(20)
    assert {("sgd.nesterov" in trial.params) == (trial.params["optimizer"] == "sgd") for trial in trials} == {True}
    again = shared(storage, 20, suggest=momentum)
    assert len(again.reap()) == 20
    assert [trial.params for trial in again.ask(20)] == [trial.params for trial in trials]


def test_a_suggestion_that_raises_leaves_no_trial_behind() -> None:
    def broken(trial: Trial) -> None:
        if trial.number == 2:
            raise KeyError("no such key")

    study = shared(InMemoryStorage(), 5, suggest=broken)
    with pytest.raises(KeyError, match="no such key"):
        study.ask(5)
    assert study.missing() == 5
    assert [trial.state for trial in study.study.trials] == [FAIL] * 3
    assert len(study.ask(5)) == 5


def test_another_search_under_the_same_name_is_refused() -> None:
    storage = InMemoryStorage()
    shared(storage, 1)
    with pytest.raises(ConfigError, match=r"study=ours: .*lr: was 0.0001 to 10.0 \(log\), is 1.0 to 2.0"):
        shared(storage, 1, space=SPACE | {"lr": FloatDistribution(1, 2)})
    with pytest.raises(ConfigError, match="width: removed"):
        shared(storage, 1, space={name: item for name, item in SPACE.items() if name != "width"})
    with pytest.raises(ConfigError, match="directions: was minimize, is maximize, minimize"):
        shared(storage, 1, directions=["maximize", "minimize"])
    shared(storage, 1, space=dict(reversed(SPACE.items())))


def test_a_study_of_somebody_else_goes_on_where_its_trials_are_of_the_same_space() -> None:
    storage = InMemoryStorage()
    alone = optuna.create_study(study_name="ours", storage=storage)
    alone.tell(asked_alone(alone), 1.0)
    asked_alone(alone)  # runs for ever
    with pytest.raises(ConfigError, match="width: was 4 to 64 by 4, is 4 to 65"):
        shared(storage, 3, space=SPACE | {"width": IntDistribution(4, 65)})
    with pytest.raises(ConfigError, match="momentum: removed"):
        shared(storage, 3, space={name: item for name, item in SPACE.items() if name != "momentum"})
    assert work(shared(storage, 3)) == 2


def test_trials_from_before_a_restart_of_the_host_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    storage, this = InMemoryStorage(), processes.this_process()
    with monkeypatch.context() as before:
        before.setattr(
            "seedsweep.search.shared_study.this_process", lambda: this | {"system": "started before", "pid": 1}
        )
        (trial,) = shared(storage, 1).ask(1)
    assert [item.number for item in shared(storage, 1).reap()] == [trial.number]


@pytest.mark.parametrize("where", ["sqlite", "postgresql"], indirect=True)
def test_trials_of_another_host_are_lost_without_a_sign_of_life(
    where: str, opened: Callable[[str], BaseStorage], monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = opened(where)
    assert isinstance(storage, RDBStorage)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("socket.gethostname", lambda: "elsewhere")
        other = shared(storage, 5)
        alive, dead = other.ask(2)
    study = shared(storage, 5)
    wait_for(lambda: len(_beats(storage)) == 2)
    assert study.reap() == []
    with storage.engine.begin() as connection:
        old = "UPDATE trial_heartbeats SET heartbeat = '2020-01-01 00:00:00' WHERE trial_id = :trial"
        connection.execute(sqlalchemy.text(old), {"trial": dead._trial_id})
    assert [trial.number for trial in study.reap()] == [dead.number]
    assert [trial.params for trial in study.ask(1)] == [dead.params]
    assert study.study.trials[alive.number].user_attrs[OWNER]["host"] == "elsewhere"
    assert study.missing() == 3


def _beats(storage: RDBStorage) -> Sequence[Any]:
    with storage.engine.connect() as connection:
        return connection.execute(sqlalchemy.text("SELECT trial_id FROM trial_heartbeats")).all()


def test_signs_of_life_are_given_while_the_study_is_held() -> None:
    class Quick(InMemoryStorage):
        def __init__(self) -> None:
            super().__init__()
            self.beats: Counter[int] = Counter()
            self.beaten = threading.Event()

        def get_heartbeat_interval(self) -> float:
            return 0.01

        def record_heartbeat(self, trial_id: int) -> None:
            self.beats[trial_id] += 1
            if self.beats[trial_id] == 3:
                self.beaten.set()
                raise OSError("the database is away")  # which the next one outlives

    before, storage = set(threading.enumerate()), Quick()
    study = shared(storage, 2)
    study.ask(1)
    assert storage.beaten.wait(60)
    (thread,) = [item for item in set(threading.enumerate()) - before if item.name == "heartbeat"]
    del study
    gc.collect()
    thread.join(60)
    assert not thread.is_alive()
