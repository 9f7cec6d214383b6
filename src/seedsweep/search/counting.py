"""Which trials of a study that many processes share count, and which of them are tried again by other trials."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

OWNER = "seedsweep.owner"  # user attributes of a trial: the process that runs it,
RETRY_OF = "seedsweep.retry_of"  # the number of the first trial with its params,
UNUSED = "seedsweep.unused"  # and why it does not count, one of these:
SURPLUS, LOST, MOVED = "surplus", "its process is gone", "runs under another number"
TRIES = 3  # what ended its process so often has another take its place: it may be the cause


def counts(trial: FrozenTrial) -> bool:
    """Whether a trial is one of those that its study shall have."""
    if trial.state == TrialState.RUNNING:
        return OWNER in trial.user_attrs
    return trial.state != TrialState.WAITING and not (trial.state == TrialState.FAIL and UNUSED in trial.user_attrs)


def first_number(trial: FrozenTrial) -> int:
    """The number of the trial that this one repeats, or its own."""
    return int(trial.user_attrs.get(RETRY_OF, trial.number))


def next_to_repeat(trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
    """The first trial that was lost, or else enqueued, and that no other has repeated since."""
    repeated = {first_number(trial) for trial in trials if counts(trial)}
    lost = [trial for trial in trials if trial.state == TrialState.FAIL and trial.user_attrs.get(UNUSED) == LOST]
    times = Counter(map(first_number, lost))
    begun = [trial for trial in lost if times[first_number(trial)] < TRIES and (trial.params or trial.system_attrs)]
    enqueued = [trial for trial in trials if trial.state == TrialState.WAITING]
    return next((trial for trial in [*begun, *enqueued] if first_number(trial) not in repeated), None)


def repeated_attributes(trial: FrozenTrial) -> tuple[dict[str, Any], dict[str, Any]]:
    """The user's and the system's attributes of a trial that repeats this one."""
    user = trial.user_attrs if trial.state == TrialState.WAITING else {}  # of a lost one they tell what came of it
    # Samplers know theirs by these attributes; a pruner's are about steps that the trial will take again.
    system = {key: value for key, value in trial.system_attrs.items() if not key.startswith("completed_rung_")}
    fixed = system.get("fixed_params", {}) | trial.params
    return user | {RETRY_OF: first_number(trial)}, system | ({"fixed_params": fixed} if fixed else {})
