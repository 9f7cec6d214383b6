"""A study that any number of processes and hosts work on at once, and that ends with exactly the trials it should have.

It rests on what every storage of Optuna does: a trial is made in one step with its attributes, and whoever makes one
sees all trials with lower numbers. So a process makes a trial that says whose it is, counts those before it, and gives
it up where they are enough already. The trials before one can only become fewer, so that never more than `n_trials`
stay; the lowest new one always stays, so that the processes together never make trials in vain. `Study.ask` has no
such step: its trial is nobody's until a later write, and on SQLite two processes may take the same waiting one.
"""

import copy
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import optuna
from optuna import distributions
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from seedsweep.errors import ConfigError
from seedsweep.search.processes import Owner, alive, keep_beating, same_system, this_process

SPACE = "seedsweep.space"  # user attribute of a study: its distributions by name, as JSON
TERMS = "seedsweep.terms"  # and what else its trials have in common, in words
OWNER = "seedsweep.owner"  # user attributes of a trial: the process that runs it,
RETRY_OF = "seedsweep.retry_of"  # the number of the first trial with its params,
UNUSED = "seedsweep.unused"  # and why it does not count, one of these:
SURPLUS, LOST, MOVED = "surplus", "its process is gone", "runs under another number"
TRIES = 3  # what ended its process so often has another take its place: it may be the cause


class SharedStudy:
    """Hands out the trials of an Optuna study to this process, with all others that do, until it has `n_trials`.

    A trial counts from its start, and however it ends. Those do not count that were given up or whose process is gone,
    nor those that somebody without this class has begun, until they end. A process has one object for a study at a
    time: to a new one the trials of the former are lost, as after Ctrl-C in a notebook. Raises `ConfigError` where the
    storage has a study of that name with other directions, another search space, or other `terms`: what else its trials
    have in common, such as the seeds that they are judged over.
    """

    def __init__(
        self,
        name: str | None,
        storage: optuna.storages.BaseStorage,
        directions: Sequence[str | StudyDirection],
        sampler: optuna.samplers.BaseSampler | None,
        pruner: optuna.pruners.BasePruner | None,
        space: Mapping[str, BaseDistribution],
        n_trials: int,
        suggest: Callable[[Trial], None] | None = None,
        terms: Mapping[str, str] | None = None,
    ):
        wanted = [
            direction if isinstance(direction, StudyDirection) else StudyDirection[direction.upper()]
            for direction in directions
        ]
        options: dict[str, Any] = {"sampler": sampler, "pruner": pruner, "load_if_exists": True}
        self.study = optuna.create_study(study_name=name, storage=storage, directions=wanted, **options)
        self.storage, self.space, self.n_trials, self.suggest = storage, dict(space), n_trials, suggest
        self._agree(wanted, terms or {})
        self._held: set[int] = set()  # the ids of the trials that this process runs
        self._beats: Any = storage if getattr(storage, "get_heartbeat_interval", lambda: None)() else None
        self._beating = False

    def left(self) -> int:
        """How many trials the study lacks, beside those that run."""
        return max(0, self._missing(self._trials()))

    def there(self) -> int:
        """How many trials count, those among them that run."""
        return sum(map(_counts, self._trials()))

    def ask(self, most: int) -> list[Trial]:
        """Up to `most` new trials with their values; none where the study has all of its trials, or they run already.

        Those that were lost or enqueued come first. The values are those of `Study.ask` and then `suggest_…` for each
        of the space in its order, and `suggest` at last; where that raises, all trials of this call are lost.
        """
        asked: list[Trial] = []
        before, trials = set(self._held), self._trials()
        try:
            while len(asked) < most and self._missing(trials) > 0:
                again = _again(trials)
                mine, trials = self._make(again, trials)
                if self._surplus(mine, trials):
                    self._end(mine._trial_id, SURPLUS)
                    trials = self._trials()
                    continue
                if again is not None and again.state == TrialState.WAITING:
                    self._end(again._trial_id, MOVED)
                asked.append(self._begin(mine))
        except BaseException:
            for trial_id in self._held - before:
                self._end(trial_id, LOST)
            raise
        return asked

    def tell(
        self, trial: Trial, values: Sequence[float] | None, state: TrialState, attrs: Mapping[str, Any] | None = None
    ) -> bool:
        """Ends a trial, with user attributes; False where it had ended, since another process took it to be lost.

        Raises Optuna's `ValueError` for values that do not fit the state or the directions; the trial runs on.
        """
        try:
            for key, value in (attrs or {}).items():
                trial.set_user_attr(key, value)
            self.study.tell(trial, values, state)
            told = True
        except (RuntimeError, ValueError) as error:
            if not self._ended(trial):
                raise
            # Optuna's own say that it had ended before; a plain one is of a sampler that has come to the end of its
            # grid and would stop `Study.optimize`, which is not what runs.
            told = type(error) is RuntimeError
        self._held.discard(trial._trial_id)
        return told

    def reap(self) -> list[FrozenTrial]:
        """Ends the trials whose process is gone; `ask` hands out each of them again, once, with its params.

        A process of this host is gone when the system has it no more; of this one's trials those are lost that this
        object does not hold. A process of another host is gone when it gave no sign of life for two minutes, on a
        database; a journal knows no such signs: there its own host has to reap it.
        """
        this = this_process()
        late = self._beats._get_stale_trial_ids(self.study._study_id) if self._beats else ()
        running = [trial for trial in self._trials() if trial.state == TrialState.RUNNING and OWNER in trial.user_attrs]
        gone = [trial._trial_id for trial in running if self._gone(trial, this, late)]
        return [self.storage.get_trial(trial_id) for trial_id in gone if self._end(trial_id, LOST)]

    def _agree(self, directions: Sequence[StudyDirection], terms: Mapping[str, str]) -> None:
        from seedsweep.search.spaces import difference

        saved = self.study.user_attrs.get(SPACE)
        if saved is not None:
            old = {name: distributions.json_to_distribution(text) for name, text in saved.items()}
        else:  # of somebody else's: the last distribution of each, without those that `suggest` may have for some
            old = {name: space for trial in self._trials() for name, space in trial.distributions.items()}
            old = {name: space for name, space in old.items() if name in self.space or self.suggest is None}
        changed = difference(old, self.space) if old or saved is not None else []
        ended = any(trial.state == TrialState.COMPLETE for trial in self._trials())
        agreed = self.study.user_attrs.get(TERMS, {}) if ended else {}
        changed += [f"{key}: was {agreed[key]}, is {now}" for key, now in terms.items() if agreed.get(key, now) != now]
        if self.study.directions != directions:
            was, now = (
                [trial.name.lower() for trial in directions_of] for directions_of in (self.study.directions, directions)
            )
            changed.insert(0, f"directions: was {', '.join(was)}, is {', '.join(now)}")
        if changed:
            reason = (
                f"this study is there, with another search: {'; '.join(changed)}. Go back to that, or begin another"
            )
            raise ConfigError("study", self.study.study_name, f"{reason}: hydra.sweeper.study_name=second")
        if saved is None:
            space = {name: distributions.distribution_to_json(trial) for name, trial in self.space.items()}
            self.study.set_user_attr(SPACE, space)
        if terms and not agreed:
            self.study.set_user_attr(TERMS, dict(terms))

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _missing(self, trials: Sequence[FrozenTrial]) -> int:
        return self.n_trials - sum(map(_counts, trials))

    def _make(self, again: FrozenTrial | None, trials: list[FrozenTrial]) -> tuple[FrozenTrial, list[FrozenTrial]]:
        """A trial that says that it is this process's, and all trials after it was made, as far as they matter."""
        attrs, system = _repeated(again) if again is not None else ({}, {})
        attrs |= {OWNER: this_process()}
        made = optuna.create_trial(state=TrialState.RUNNING, user_attrs=attrs, system_attrs=system)
        storage = self.study._storage  # it may keep in mind what it has made, and has to, for its trials to get values
        mine = storage.get_trial(storage.create_new_trial(self.study._study_id, template_trial=made))
        if again is None and mine.number == len(trials) < self.n_trials:  # nobody else's came between, none is too many
            return mine, [*trials, mine]
        return mine, self._trials()

    def _surplus(self, mine: FrozenTrial, trials: Sequence[FrozenTrial]) -> bool:
        before = [_first(trial) for trial in trials if trial.number < mine.number and _counts(trial)]
        return len(before) >= self.n_trials or _first(mine) in before

    def _begin(self, mine: FrozenTrial) -> Trial:
        self._held.add(mine._trial_id)
        if self._beats and not self._beating:
            stop = keep_beating(self._beats, self._held)
            weakref.finalize(self, stop.set)  # the thread does not keep this object, which may be dropped any time
            self._beating = True
        # For `Study.ask`, the study forgets what it read for the trial before this one; a copy has not read anything.
        trial = Trial(copy.copy(self.study), mine._trial_id)
        for name, distribution in self.space.items():
            _suggest(trial, name, distribution)
        if self.suggest is not None:
            self.suggest(trial)
        return trial

    def _end(self, trial_id: int, why: str) -> bool:
        """Has a trial not count; False where it has ended already."""
        self._held.discard(trial_id)
        try:
            self.storage.set_trial_user_attr(trial_id, UNUSED, why)  # first, since what has ended takes none
            self.storage.set_trial_state_values(trial_id, TrialState.FAIL)
        except UpdateFinishedTrialError:
            return False
        return True

    def _ended(self, trial: Trial) -> bool:
        return self.storage.get_trial(trial._trial_id).state.is_finished()

    def _gone(self, trial: FrozenTrial, this: Owner, late: Collection[int]) -> bool:
        owner = trial.user_attrs[OWNER]
        if not same_system(owner, this):
            return trial._trial_id in late if self._beats else bool(owner["host"] == this["host"])  # started anew since
        return not alive(owner) if owner["pid"] != this["pid"] else trial._trial_id not in self._held


def _counts(trial: FrozenTrial) -> bool:
    if trial.state == TrialState.RUNNING:
        return OWNER in trial.user_attrs
    return trial.state != TrialState.WAITING and not (trial.state == TrialState.FAIL and UNUSED in trial.user_attrs)


def _first(trial: FrozenTrial) -> int:
    """The number of the trial that this one repeats, or its own."""
    return int(trial.user_attrs.get(RETRY_OF, trial.number))


def _again(trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
    """The first trial that was enqueued or lost, and that no other has repeated since."""
    repeated = {_first(trial) for trial in trials if _counts(trial)}
    lost = [trial for trial in trials if trial.state == TrialState.FAIL and trial.user_attrs.get(UNUSED) == LOST]
    times = Counter(map(_first, lost))
    begun = [trial for trial in lost if times[_first(trial)] < TRIES and (trial.params or trial.system_attrs)]
    enqueued = [trial for trial in trials if trial.state == TrialState.WAITING]
    return next((trial for trial in [*begun, *enqueued] if _first(trial) not in repeated), None)


def _repeated(trial: FrozenTrial) -> tuple[dict[str, Any], dict[str, Any]]:
    """The user's and the system's attributes of a trial that repeats this one."""
    attrs = trial.user_attrs if trial.state == TrialState.WAITING else {}  # of a lost one they tell what came of it
    # Samplers know theirs by these attributes; a pruner's are about steps that the trial will take again.
    system = {key: value for key, value in trial.system_attrs.items() if not key.startswith("completed_rung_")}
    fixed = system.get("fixed_params", {}) | trial.params
    return attrs | {RETRY_OF: _first(trial)}, system | ({"fixed_params": fixed} if fixed else {})


def _suggest(trial: Trial, name: str, distribution: BaseDistribution) -> None:
    match distribution:
        case FloatDistribution(low=low, high=high, step=step, log=log):
            trial.suggest_float(name, low, high, step=step, log=log)
        case IntDistribution(low=low, high=high, step=step, log=log):
            trial.suggest_int(name, low, high, step=step, log=log)
        case CategoricalDistribution(choices=choices):
            trial.suggest_categorical(name, choices)
        case _:
            raise TypeError(f"{name}: Optuna cannot suggest from {distribution}")
